#include "module/process.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#if defined(_WIN32)
#include <windows.h>
#define PSAPI_VERSION 2
#include <psapi.h>
#else
#include <dlfcn.h>
#include <pthread.h>
#if defined(__APPLE__)
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif
#endif

#if defined(_WIN32)
#define CRYPTOKI_EXPORT __declspec(dllexport)
#else
#define CRYPTOKI_EXPORT __attribute__((visibility("default")))
#endif

namespace cryptoki {
namespace {

struct Entry {
  std::mutex initialising;  // held during C_Initialize and C_Finalize
  std::size_t count = 0;
  bool owned = false;
  std::atomic<int> locking{0};
  std::mutex calls;
};

void* entryOf(void* library) {
  // Leaked on purpose, like the pool: calls may run while the process ends.
  static std::mutex& mutex = *new std::mutex;                    // NOLINT
  static auto& entries = *new std::unordered_map<void*, Entry>;  // NOLINT
  std::lock_guard lock(mutex);
  return &entries[library];
}

CK_RV initialise(void* opaque, CK_RV (*call)(void*), void* context) {
  Entry& entry = *static_cast<Entry*>(opaque);
  std::lock_guard lock(entry.initialising);
  if (entry.count == 0) {
    const CK_RV rv = call(context);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) return rv;
    // Still ours when an earlier C_Finalize has failed.
    entry.owned = entry.owned || rv == CKR_OK;
  }
  ++entry.count;
  return CKR_OK;
}

CK_RV finalise(void* opaque, CK_RV (*call)(void*), void* context) {
  Entry& entry = *static_cast<Entry*>(opaque);
  std::lock_guard lock(entry.initialising);
  if (entry.count == 0) return CKR_OK;
  if (entry.count == 1 && entry.owned) {
    const CK_RV rv = call(context);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_NOT_INITIALIZED) return rv;
    entry.owned = false;
  }
  --entry.count;
  return CKR_OK;
}

void leave(void* opaque) {
  Entry& entry = *static_cast<Entry*>(opaque);
  std::lock_guard lock(entry.initialising);
  if (entry.count > 0) --entry.count;
}

void require(void* opaque, int locking) {
  auto& current = static_cast<Entry*>(opaque)->locking;
  int now = current.load();
  while (now < locking && !current.compare_exchange_weak(now, locking)) {
  }
}

int lock(void* opaque, int touchesObjects) {
  Entry& entry = *static_cast<Entry*>(opaque);
  const int locking = entry.locking.load(std::memory_order_relaxed);
  if (locking == 0 || (locking == 1 && touchesObjects == 0)) return 0;
  entry.calls.lock();
  return 1;
}

void unlock(void* opaque) { static_cast<Entry*>(opaque)->calls.unlock(); }

}  // namespace
}  // namespace cryptoki

extern "C" CRYPTOKI_EXPORT const cryptoki_process_v2* cryptoki_process_v2_table() {
  static const cryptoki_process_v2 table{cryptoki::entryOf, cryptoki::initialise, cryptoki::finalise,
                                         cryptoki::leave,   cryptoki::require,    cryptoki::lock,
                                         cryptoki::unlock};
  return &table;
}

namespace cryptoki {
namespace {

constexpr const char* kSymbol = "cryptoki_process_v2_table";
using Table = const cryptoki_process_v2* (*)();

#if defined(_WIN32)

Table firstTable() {
  std::vector<HMODULE> modules(4096);
  DWORD size = 0;
  if (EnumProcessModules(GetCurrentProcess(), modules.data(),
                         static_cast<DWORD>(modules.size() * sizeof(HMODULE)), &size) == 0) {
    return nullptr;
  }
  modules.resize(std::min<std::size_t>(modules.size(), size / sizeof(HMODULE)));
  for (HMODULE module : modules) {
    if (auto* symbol = GetProcAddress(module, kSymbol)) return reinterpret_cast<Table>(symbol);
  }
  return nullptr;
}

#else

// The loaded libraries in the order of their loading.
std::vector<std::string> loadedLibraries() {
  std::vector<std::string> names;
#if defined(__APPLE__)
  for (uint32_t i = 0; i < _dyld_image_count(); ++i) {
    if (const char* name = _dyld_get_image_name(i)) names.emplace_back(name);
  }
#else
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* list) {
        if (info->dlpi_name != nullptr)
          static_cast<std::vector<std::string>*>(list)->emplace_back(info->dlpi_name);
        return 0;
      },
      &names);
#endif
  return names;
}

Table firstTable() {
  for (const std::string& name : loadedLibraries()) {
    if (!std::string_view(name).ends_with(".node")) continue;
    void* library = dlopen(name.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) continue;
    auto* symbol = dlsym(library, kSymbol);
    dlclose(library);
    if (symbol != nullptr) return reinterpret_cast<Table>(symbol);
  }
  return nullptr;
}

#endif

std::atomic<bool> forked{false};

}  // namespace

const cryptoki_process_v2& process() {
  static const cryptoki_process_v2* const table = [] {
#if !defined(_WIN32)
    pthread_atfork(nullptr, nullptr, [] { forked = true; });
#endif
    const Table first = firstTable();
    return first != nullptr ? first() : cryptoki_process_v2_table();
  }();
  return *table;
}

bool isForked() noexcept { return forked.load(std::memory_order_relaxed); }

}  // namespace cryptoki
