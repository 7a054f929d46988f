// Many byte strings in one piece of memory: what crosses between JavaScript and native code for a batch.
#pragma once

#include <cstdint>
#include <vector>

#include "marshal/argument.h"
#include "marshal/role.h"
#include "runtime/secret.h"

namespace cryptoki {

// A message among others, as an argument of a function.
struct View : role::Input {
  unsigned char* pointer = nullptr;
  CK_ULONG size = 0;
  auto c() { return std::make_tuple(pointer, size); }
};

// String i lies between offsets i and i + 1.
class Packed {
 public:
  // `data` is bytes, `offsets` a Uint32Array that begins with 0 and does not fall; both are copied.
  void read(Napi::Value data, Napi::Value offsets, const Argument& argument);

  std::size_t count() const { return offsets_.size() - 1; }
  View at(std::size_t index);

  // Wipes the content; strings cannot be asked for any more.
  void clear() { data_.clear(); }

  void reserve(std::size_t bytes, std::size_t count);
  void append(const unsigned char* bytes, std::size_t size);

  // { data: Buffer, offsets: Uint32Array }
  void setIn(Napi::Object object) const;

 private:
  Bytes data_;
  std::size_t used_ = 0;
  std::vector<std::uint32_t> offsets_{0};
};

}  // namespace cryptoki
