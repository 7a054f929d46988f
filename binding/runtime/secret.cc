#include "runtime/secret.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <mutex>
#include <new>
#include <vector>

#ifdef _WIN32
#include <windows.h>
#endif

namespace cryptoki {

namespace large {
namespace {

constexpr std::size_t kGrain = kLeast;
constexpr std::size_t kLargest = std::numeric_limits<std::ptrdiff_t>::max() / 2;  // so that sums do not wrap
constexpr std::size_t kMost = std::size_t{16} << 20;  // limit of all kept blocks, in bytes

struct Kept {
  struct Block {
    std::unique_ptr<unsigned char[]> memory;
    std::size_t capacity;
  };
  std::mutex mutex;
  std::vector<Block> blocks;
  std::size_t size = 0;
};

Kept& kept() {
  // Leaked on purpose: detached threads may outlive every static destructor.
  static Kept& all = *new Kept;  // NOLINT(cppcoreguidelines-owning-memory)
  return all;
}

}  // namespace

std::unique_ptr<unsigned char[]> take(std::size_t size, std::size_t& capacity) {
  if (size > kLargest) throw std::bad_alloc();
  capacity = (size + kGrain - 1) / kGrain * kGrain;
  {
    Kept& all = kept();
    std::lock_guard lock(all.mutex);
    // The block that was returned last is most likely in the cache.
    const auto found = std::find_if(all.blocks.rbegin(), all.blocks.rend(),
                                    [&](const auto& block) { return block.capacity == capacity; });
    if (found != all.blocks.rend()) {
      auto memory = std::move(found->memory);
      all.blocks.erase(std::next(found).base());
      all.size -= capacity;
      return memory;
    }
  }
  return std::make_unique<unsigned char[]>(capacity);
}

void keep(std::unique_ptr<unsigned char[]> memory, std::size_t capacity) noexcept {
#if !defined(__SANITIZE_ADDRESS__)  // the sanitizer must detect use after free
  Kept& all = kept();
  std::lock_guard lock(all.mutex);
  if (all.size + capacity > kMost) return;
  try {
    all.blocks.push_back({std::move(memory), capacity});
    all.size += capacity;
  } catch (const std::bad_alloc&) {
    return;  // the block is freed instead
  }
#endif
}

}  // namespace large

namespace {
Bytes& keptScratch() {
  static thread_local Bytes kept;
  return kept;
}
}  // namespace

Bytes Bytes::scratch(std::size_t size) {
  Bytes& kept = keptScratch();
  if (kept.capacity_ < size) return zeros(size);
  Bytes bytes(std::move(kept));
  bytes.size_ = size;
  return bytes;
}

void Bytes::keepScratch(Bytes bytes) noexcept {
#if !defined(__SANITIZE_ADDRESS__)
  if (bytes.capacity_ >= large::kLeast) return;  // the list for all threads keeps these
  Bytes& kept = keptScratch();
  if (bytes.capacity_ <= kept.capacity_) return;
  wipe(bytes.memory_.get(), bytes.capacity_);
  kept = std::move(bytes);
#endif
}

void wipe(void* memory, std::size_t size) noexcept {
  if (size == 0) return;
#if defined(_WIN32)
  SecureZeroMemory(memory, size);
#else
  // Not explicit_bzero, which glibc before 2.25 does not have, nor memset_s, whose declaration depends on the
  // order of headers. The barrier keeps the store alive.
  std::memset(memory, 0, size);
  __asm__ __volatile__("" : : "r"(memory) : "memory");
#endif
}

}  // namespace cryptoki
