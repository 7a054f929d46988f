// The imports of Node-API for compilers other than MSVC. A declaration with dllimport is called through a variable
// __imp_NAME, which is otherwise part of the import table and bound to a library by its name. Here the variables are ours, and
// are set when the addon is loaded: to the functions of the running image, or of the library that holds Node there.

#include <windows.h>

namespace {

HMODULE hostOfNode() {
  HMODULE node = GetModuleHandleW(L"libnode.dll");
  if (node == nullptr) node = GetModuleHandleW(L"node.dll");
  if (node == nullptr) node = GetModuleHandleW(nullptr);
  return node;
}

// Stands for a function that this host does not have: the exception names the reason, which a null pointer would not.
[[noreturn]] void missingFunction() {
  constexpr DWORD kEntryPointNotFound = 0xC0000139;
  RaiseException(kEntryPointNotFound, EXCEPTION_NONCONTINUABLE, 0, nullptr);
  __builtin_unreachable();
}

struct Import {
  explicit Import(const char* name) : function(GetProcAddress(hostOfNode(), name)) {
    if (function == nullptr) function = reinterpret_cast<FARPROC>(&missingFunction);
  }
  FARPROC function;
};
static_assert(sizeof(Import) == sizeof(FARPROC));

}  // namespace

// The priority puts them before all other static objects of the addon.
#define NODE_API_FUNCTION(name)         \
  extern "C" Import __imp_##name;       \
  __attribute__((init_priority(101))) Import __imp_##name(#name);
#include "node_api_functions.h"
#undef NODE_API_FUNCTION
