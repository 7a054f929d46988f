#include "module.h"

#include <array>
#include <stdexcept>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace {

using GetFunctionList = CK_RV (*)(CK_FUNCTION_LIST**);

// Loads the module as the package does: its own libraries take precedence over those of the process, if
// supported.
GetFunctionList load(const std::string& path) {
#ifdef _WIN32
  HMODULE library = LoadLibraryA(path.c_str());
  if (library == nullptr) throw std::runtime_error("cannot load " + path);
  return reinterpret_cast<GetFunctionList>(GetProcAddress(library, "C_GetFunctionList"));
#else
  int flags = RTLD_NOW | RTLD_LOCAL;
#ifdef RTLD_DEEPBIND
  flags |= RTLD_DEEPBIND;
#endif
  void* library = dlopen(path.c_str(), flags);
  if (library == nullptr) throw std::runtime_error(dlerror());
  return reinterpret_cast<GetFunctionList>(dlsym(library, "C_GetFunctionList"));
#endif
}

// CK_C_INITIALIZE_ARGS of NSS: the parameters precede pReserved.
struct NssArguments {
  std::array<void*, 4> mutexFunctions{};
  CK_FLAGS flags = CKF_OS_LOCKING_OK;
  const char* parameters = nullptr;
  void* reserved = nullptr;
};

}  // namespace

void check(CK_RV rv, const char* function) {
  if (rv != CKR_OK) throw std::runtime_error(std::string(function) + ": CKR " + std::to_string(rv));
}

Module::Module(const std::string& path, const std::string& parameters) {
  const GetFunctionList get = load(path);
  if (get == nullptr) throw std::runtime_error(path + " has no C_GetFunctionList");
  CK_FUNCTION_LIST* list = nullptr;
  check(get(&list), "C_GetFunctionList");
  // The list of 3.2 starts with that of 2.40, and only that part is used here.
  functions_ = reinterpret_cast<CK_FUNCTION_LIST_3_2*>(list);
  NssArguments arguments;
  if (!parameters.empty()) arguments.parameters = parameters.c_str();
  check(functions_->C_Initialize(&arguments), "C_Initialize");
}

void Module::open(CK_SLOT_ID slot, const std::string& pin, std::size_t count) {
  while (sessions_.size() < count) {
    CK_SESSION_HANDLE session = 0;
    check(functions_->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session),
          "C_OpenSession");
    sessions_.push_back(session);
    if (sessions_.size() > 1 || pin.empty()) continue;
    std::string copy = pin;
    check(functions_->C_Login(session, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(copy.data()),
                              static_cast<CK_ULONG>(copy.size())),
          "C_Login");
  }
}

CK_OBJECT_HANDLE Module::find(CK_ULONG objectClass, const std::string& label) const {
  std::string copy = label;
  std::array<CK_ATTRIBUTE, 2> search = {{{CKA_CLASS, &objectClass, sizeof objectClass},
                                         {CKA_LABEL, copy.data(), static_cast<CK_ULONG>(copy.size())}}};
  const CK_SESSION_HANDLE session = sessions_.front();
  check(functions_->C_FindObjectsInit(session, search.data(), search.size()), "C_FindObjectsInit");
  CK_OBJECT_HANDLE found = 0;
  CK_ULONG count = 0;
  const CK_RV rv = functions_->C_FindObjects(session, &found, 1, &count);
  check(functions_->C_FindObjectsFinal(session), "C_FindObjectsFinal");
  check(rv, "C_FindObjects");
  return count == 0 ? 0 : found;
}
