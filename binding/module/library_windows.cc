#ifdef _WIN32

#include <windows.h>

#include <vector>

#include "error.h"
#include "module/library.h"

namespace cryptoki {
namespace {

std::wstring widen(const std::string& text) {
  const int size = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
  std::wstring wide(static_cast<std::size_t>(size), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), wide.data(), size);
  return wide;
}

HMODULE moduleOf(const void* address) {
  HMODULE module = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                     static_cast<LPCWSTR>(address), &module);
  return module;
}

}  // namespace

Library::Library(const std::string& path, SymbolBinding /*symbolBinding*/) {
  const std::wstring wide = widen(path);
  const bool isPath = path.find_first_of("/\\") != std::string::npos;
  if (isPath && GetFileAttributesW(wide.c_str()) == INVALID_FILE_ATTRIBUTES) {
    throw Failure::ours(
        "ERR_CRYPTOKI_MODULE_NOT_FOUND",
        "the file " + path + " does not exist; give the path of the vendor's PKCS#11 library");
  }
  // With a path, Windows looks for the vendor's other libraries in the same folder.
  handle_ = LoadLibraryExW(wide.c_str(), nullptr, isPath ? LOAD_WITH_ALTERED_SEARCH_PATH : 0);
  if (handle_ != nullptr) return;
  const DWORD error = GetLastError();
  const bool missing = !isPath && error == ERROR_MOD_NOT_FOUND;
  throw Failure::ours(missing ? "ERR_CRYPTOKI_MODULE_NOT_FOUND" : "ERR_CRYPTOKI_MODULE_LOAD",
                      "cannot load " + path + ": Windows error " + std::to_string(error));
}

Library::~Library() {
  if (handle_ != nullptr) FreeLibrary(static_cast<HMODULE>(handle_));
}

void* Library::symbol(const char* name) const {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle_), name));
}

bool sameLibrary(const void* one, const void* other) {
  const HMODULE module = moduleOf(one);
  return module != nullptr && module == moduleOf(other);
}

}  // namespace cryptoki

#endif
