#include "batch/packed.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "marshal/bytes.h"

namespace cryptoki {

void Packed::read(Napi::Value data, Napi::Value offsets, const Argument& argument) {
  data_ = toBytes(data, argument.part(".data"));
  used_ = data_.size();
  const Argument where = argument.part(".offsets");
  if (!offsets.IsTypedArray() || offsets.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
    where.mustBe("a Uint32Array", offsets);
  const auto array = offsets.As<Napi::Uint32Array>();
  offsets_.assign(array.Data(), array.Data() + array.ElementLength());
  if (offsets_.empty() || offsets_.front() != 0 || offsets_.back() > used_ ||
      !std::is_sorted(offsets_.begin(), offsets_.end()))
    where.outOfRange("offsets into data that begin with 0 and never decrease");
}

View Packed::at(std::size_t index) {
  View view;
  view.size = offsets_[index + 1] - offsets_[index];
  view.pointer = data_.pointer() + offsets_[index];
  return view;
}

void Packed::reserve(std::size_t bytes, std::size_t count) {
  data_.resize(bytes);
  offsets_.reserve(count + 1);
}

void Packed::append(const unsigned char* bytes, std::size_t size) {
  if (used_ + size > data_.size()) {
    if (used_ + size > std::numeric_limits<std::uint32_t>::max()) throw std::bad_alloc();
    data_.resize(std::max(2 * data_.size(), used_ + size));
  }
  if (size > 0) std::memcpy(data_.data() + used_, bytes, size);
  used_ += size;
  offsets_.push_back(static_cast<std::uint32_t>(used_));
}

void Packed::setIn(Napi::Object object) const {
  const Napi::Env env = object.Env();
  object.Set("data", fromBytes(env, data_.data(), used_));
  auto array = Napi::Uint32Array::New(env, offsets_.size());
  std::copy(offsets_.begin(), offsets_.end(), array.Data());
  object.Set("offsets", array);
}

}  // namespace cryptoki
