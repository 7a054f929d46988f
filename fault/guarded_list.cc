#include "fault/guarded_list.h"

#include <cstddef>
#include <cstring>
#include <map>
#include <mutex>
#include <new>

#ifdef _WIN32
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace cryptoki::fault {
namespace {

constexpr std::size_t kSize = offsetof(CK_FUNCTION_LIST_3_2, C_GetInterfaceList);

// The end of a writable page; the page after it is not accessible.
char* endOfPage() {
#ifdef _WIN32
  SYSTEM_INFO system{};
  GetSystemInfo(&system);
  const std::size_t page = system.dwPageSize;
  auto* pages = static_cast<char*>(VirtualAlloc(nullptr, 2 * page, MEM_RESERVE, PAGE_NOACCESS));
  if (pages == nullptr || VirtualAlloc(pages, page, MEM_COMMIT, PAGE_READWRITE) == nullptr)
    throw std::bad_alloc();
  return pages + page;
#else
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  char* const end = static_cast<char*>(pages) + page;
  if (mprotect(end, page, PROT_NONE) != 0) throw std::bad_alloc();
  return end;
#endif
}

}  // namespace

CK_FUNCTION_LIST* guardedList(const CK_FUNCTION_LIST_3_2& functions, CK_VERSION version) {
  static std::mutex mutex;
  static std::map<int, CK_FUNCTION_LIST*> lists;
  const std::lock_guard lock(mutex);
  CK_FUNCTION_LIST*& list = lists[(version.major * 256) + version.minor];
  if (list == nullptr) {
    char* const start = endOfPage() - kSize;
    std::memcpy(start, &functions, kSize);
    std::memcpy(start, &version, sizeof version);  // the first member
    list = reinterpret_cast<CK_FUNCTION_LIST*>(start);
  }
  return list;
}

}  // namespace cryptoki::fault
