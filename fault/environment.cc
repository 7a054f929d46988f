#include "fault/environment.h"

#include <cstdio>
#include <cstdlib>

#if defined(__ELF__)
#include <dlfcn.h>
#include <link.h>

#include <cstring>
#endif

namespace cryptoki::fault {
namespace {
std::mutex ownLock;
}

#if defined(__ELF__)

// Exported, so that other copies of this library can find it.
extern "C" __attribute__((visibility("default"))) std::mutex* cryptoki_fault_environment_v1() {
  return &ownLock;
}

namespace {

using Lock = std::mutex* (*)();

// The lock of the copy that was loaded first; copies are never unloaded.
std::mutex& firstLock() {
  Lock found = nullptr;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        if (info->dlpi_name == nullptr || std::strstr(info->dlpi_name, "cryptoki_fault") == nullptr) return 0;
        void* library = dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD);
        if (library == nullptr) return 0;
        auto* symbol = reinterpret_cast<Lock>(dlsym(library, "cryptoki_fault_environment_v1"));
        dlclose(library);
        *static_cast<Lock*>(result) = symbol;
        return symbol == nullptr ? 0 : 1;
      },
      &found);
  return found == nullptr ? ownLock : *found();
}

}  // namespace

std::mutex& environmentLock() {
  static std::mutex& lock = firstLock();
  return lock;
}

#else

std::mutex& environmentLock() { return ownLock; }

#endif

void setVariable(const std::string& name, const std::string& value) {
#ifdef _WIN32
  _putenv_s(name.c_str(), value.c_str());
#else
  setenv(name.c_str(), value.c_str(), 1);
#endif
}

void complain(const char* why) { std::fprintf(stderr, "cryptoki_fault: %s\n", why); }

}  // namespace cryptoki::fault
