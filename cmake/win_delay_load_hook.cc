// Lets the addon load into any executable: when the delay-load helper looks for NODE.EXE, it is given the running image
// (or the library that holds Node there), whatever its name is.

#include <windows.h>

#include <delayimp.h>
#include <string.h>

namespace {

FARPROC WINAPI OnDelayLoad(unsigned int event, PDelayLoadInfo info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  HMODULE node = GetModuleHandleA("libnode.dll");
  if (node == nullptr) node = GetModuleHandleA("node.dll");
  if (node == nullptr) node = GetModuleHandleA(nullptr);
  return reinterpret_cast<FARPROC>(node);
}

}  // namespace

// Declared in delayimp.h: constant for MSVC, writable for MinGW.
decltype(__pfnDliNotifyHook2) __pfnDliNotifyHook2 = OnDelayLoad;
