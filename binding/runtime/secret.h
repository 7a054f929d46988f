// Memory that is wiped when it is freed. All bytes that a job owns live here, so no PIN, key value or message
// stays on the heap, even if the module wrote it.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace cryptoki {

// Overwrites memory. The compiler cannot remove the writes.
void wipe(void* memory, std::size_t size) noexcept;

// Large blocks, kept for reuse: the allocator would return each block to the system, and the next user would
// pay for every page again. Kept blocks have been wiped.
namespace large {
constexpr std::size_t kLeast = std::size_t{64} << 10;
// Returns at least `size` bytes, all zero, and their number in `capacity`. Throws std::bad_alloc.
std::unique_ptr<unsigned char[]> take(std::size_t size, std::size_t& capacity);
void keep(std::unique_ptr<unsigned char[]> memory, std::size_t capacity) noexcept;
}  // namespace large

// A byte string.
class Bytes {
 public:
  Bytes() noexcept = default;
  // `size` bytes, not initialised unless the block is large. Use it for memory that is overwritten completely
  // at once. Pass zeros() to a module.
  explicit Bytes(std::size_t size) : size_(size), capacity_(size) {
    memory_ = size < large::kLeast ? std::make_unique_for_overwrite<unsigned char[]>(size)
                                   : large::take(size, capacity_);
  }
  Bytes(const void* data, std::size_t size) : Bytes(size) {
    if (size > 0) std::memcpy(memory_.get(), data, size);
  }
  Bytes(const Bytes& other) : Bytes(other.data(), other.size()) {}
  Bytes(Bytes&& other) noexcept { swap(other); }
  Bytes& operator=(const Bytes& other) { return *this = Bytes(other); }
  Bytes& operator=(Bytes&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Bytes() {
    if (!memory_) return;
    wipe(memory_.get(), capacity_);
    if (capacity_ >= large::kLeast) large::keep(std::move(memory_), capacity_);
  }

  static Bytes zeros(std::size_t size) {
    Bytes bytes(size);
    if (size > 0 && size < large::kLeast) std::memset(bytes.data(), 0, size);
    return bytes;
  }

  // Short-lived memory, all zero. Each thread keeps the largest block that keepScratch() received.
  static Bytes scratch(std::size_t size);
  static void keepScratch(Bytes bytes) noexcept;

  unsigned char* data() noexcept { return memory_.get(); }
  const unsigned char* data() const noexcept { return memory_.get(); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const unsigned char* begin() const noexcept { return data(); }
  const unsigned char* end() const noexcept { return data() + size_; }
  unsigned char operator[](std::size_t index) const { return memory_[index]; }

  // Keeps the content up to the new size; new bytes are not initialised.
  void resize(std::size_t size) {
    if (size > capacity_) {
      Bytes larger(size);
      if (size_ > 0) std::memcpy(larger.data(), data(), size_);
      swap(larger);
    }
    size_ = size;
  }

  // Wipes the content now, while it is still in the cache of this thread.
  void clear() noexcept {
    if (capacity_ >= large::kLeast) {
      const Bytes gone(std::move(*this));
      return;
    }
    wipe(memory_.get(), capacity_);
    size_ = 0;
    capacity_ = 0;
  }

  // Never a null pointer: several modules read NULL as "no argument" where an empty message is meant.
  unsigned char* pointer() noexcept {
    static unsigned char nothing = 0;
    return empty() ? &nothing : data();
  }

 private:
  void swap(Bytes& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  std::unique_ptr<unsigned char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace cryptoki
