#if defined(__APPLE__)
#define __STDC_WANT_LIB_EXT1__ 1  // memset_s
#endif

#include "runtime/secret.h"

#include <cstring>

#ifdef _WIN32
#include <windows.h>
#endif

namespace cryptoki {

void wipe(void* memory, std::size_t size) noexcept {
  if (size == 0) return;
#if defined(_WIN32)
  SecureZeroMemory(memory, size);
#elif defined(__APPLE__)
  memset_s(memory, size, 0, size);
#else
  // Not explicit_bzero: the prebuild must load on a glibc older than 2.25. The barrier keeps the store alive.
  std::memset(memory, 0, size);
  __asm__ __volatile__("" : : "r"(memory) : "memory");
#endif
}

}  // namespace cryptoki
