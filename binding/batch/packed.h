// Several byte strings in one block of memory: the form in which a batch passes between JavaScript and native
// code.
#pragma once

#include <cstdint>
#include <vector>

#include "marshal/argument.h"
#include "marshal/role.h"
#include "runtime/secret.h"

namespace cryptoki {

// One message of a batch, as an argument of a PKCS#11 function.
struct View : role::Input {
  unsigned char* pointer = nullptr;
  CK_ULONG size = 0;
  auto c() { return std::make_tuple(pointer, size); }
};

// String i lies between offsets i and i + 1.
class Packed {
 public:
  // `data` is bytes; `offsets` is a Uint32Array that begins with 0 and never decreases. Copies both.
  void read(Napi::Value data, Napi::Value offsets, const Argument& argument);

  std::size_t count() const { return offsets_.size() - 1; }
  View at(std::size_t index);

  // Wipes the content; do not call at() afterwards.
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
