#include "module/interface.h"

#include <array>
#include <cstring>
#include <string_view>

#include "error.h"

namespace cryptoki {
namespace {

using GetFunctionList = CK_RV (*)(const void**);
using GetInterface = CK_RV (*)(CK_UTF8CHAR*, CK_VERSION*, CK_INTERFACE**, CK_FLAGS);

// Copies the functions of the list's version; the others stay null. A list from C_GetFunctionList ends with
// the functions of 2.40, whatever version it reports: SoftHSM 2.7 and modules that were compiled with newer
// headers report 3.2. Only C_GetInterface returns longer lists.
FunctionList copyList(const void* list, bool fromInterface) {
  CK_VERSION version{};
  std::memcpy(&version, list, sizeof version);
  std::size_t count = kFunctions240;
  if (version.major == 3 && fromInterface) count = version.minor < 2 ? kFunctions30 : 0;
  const std::size_t size = count == 0 || (version.major > 3 && fromInterface)
                               ? sizeof(CK_FUNCTION_LIST_3_2)
                               : offsetof(CK_FUNCTION_LIST_3_2, C_Initialize) + count * sizeof(void*);
  FunctionList result;
  std::memcpy(&result.functions, list, size);
  result.fromInterface = fromInterface;
  return result;
}

const void* standardList(const CK_INTERFACE* found) {
  if (found == nullptr || found->pInterfaceName == nullptr) return nullptr;
  const std::string_view name = reinterpret_cast<const char*>(found->pInterfaceName);
  return name == "PKCS 11" ? found->pFunctionList : nullptr;
}

const void* listFromInterface(GetInterface getInterface) {
  std::array<CK_UTF8CHAR, 8> name{'P', 'K', 'C', 'S', ' ', '1', '1', 0};
  for (CK_VERSION version : {CK_VERSION{3, 2}, CK_VERSION{3, 1}, CK_VERSION{3, 0}}) {
    CK_INTERFACE* found = nullptr;
    if (getInterface(name.data(), &version, &found, 0) != CKR_OK) continue;
    if (const void* list = standardList(found)) return list;
  }
  CK_INTERFACE* found = nullptr;
  return getInterface(nullptr, nullptr, &found, 0) == CKR_OK ? standardList(found) : nullptr;
}

}  // namespace

FunctionList discover(const Library& library, const std::string& path, bool only240) {
  void* entry = library.symbol("C_GetFunctionList");
  void* modern = only240 ? nullptr : library.symbol("C_GetInterface");
  if (modern != nullptr && entry != nullptr && !sameLibrary(modern, entry)) modern = nullptr;
  if (modern != nullptr) {
    if (const void* list = listFromInterface(reinterpret_cast<GetInterface>(modern)))
      return copyList(list, true);
  }
  if (entry == nullptr) {
    throw Failure::ours("ERR_CRYPTOKI_MODULE_NOT_PKCS11",
                        path +
                            " has no C_GetFunctionList, so it is not a PKCS#11 module; give the path of "
                            "the vendor's PKCS#11 library");
  }
  const void* list = nullptr;
  const CK_RV rv = reinterpret_cast<GetFunctionList>(entry)(&list);
  if (rv != CKR_OK) throw Failure::returned(rv, "C_GetFunctionList");
  if (list == nullptr) {
    throw Failure::ours("ERR_CRYPTOKI_MODULE_NOT_PKCS11", "C_GetFunctionList returned a null pointer",
                        "C_GetFunctionList");
  }
  return copyList(list, false);
}

}  // namespace cryptoki
