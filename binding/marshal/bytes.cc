#include "marshal/bytes.h"

#include "marshal/collect.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace cryptoki {
namespace {

struct View {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
};

std::size_t elementSize(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array:
      return sizeof(std::uint16_t);
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return sizeof(std::uint32_t);
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return sizeof(std::uint64_t);
    default:
      return 1;
  }
}

// Tries each kind of byte container: these calls also check the type, so a separate check is not needed.
bool view(Napi::Value value, View& out) {
  const napi_env env = value.Env();
  void* data = nullptr;
  std::size_t length = 0;
  napi_typedarray_type type = napi_uint8_array;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) == napi_ok) {
    length *= elementSize(type);
  } else if (napi_get_dataview_info(env, value, &length, &data, nullptr, nullptr) != napi_ok &&
             napi_get_arraybuffer_info(env, value, &data, &length) != napi_ok) {
    return false;
  }
  out = {static_cast<unsigned char*>(data), length};
  return true;
}

View toView(Napi::Value value, const Argument& argument) {
  View bytes;
  if (!view(value, bytes)) argument.mustBe("bytes (a Buffer, typed array, DataView or ArrayBuffer)", value);
  return bytes;
}

}  // namespace

bool isBytes(Napi::Value value) {
  return value.IsTypedArray() || value.IsDataView() || value.IsArrayBuffer();
}

Bytes toBytes(Napi::Value value, const Argument& argument) {
  const View bytes = toView(value, argument);
  return {bytes.data, bytes.size};
}

Bytes toJoinedBytes(Napi::Value value, const Argument& argument) {
  if (!value.IsArray()) return toBytes(value, argument);
  const auto values = elementsOf(value, argument, "bytes, or an array of them");
  if (values.empty()) argument.mustBe("bytes, or an array of at least one of them", value);
  std::vector<View> views(values.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    views[i] = toView(values[i], argument.element(i));
    size += views[i].size;
  }
  Bytes joined(size);
  std::size_t at = 0;
  for (const View& view : views) {
    if (view.size > 0) std::memcpy(joined.data() + at, view.data, view.size);
    at += view.size;
  }
  return joined;
}

Bytes toUtf8(Napi::Value value, const Argument& argument) {
  if (!value.IsString()) argument.mustBe("a string", value);
  std::size_t length = 0;
  napi_get_value_string_utf8(value.Env(), value, nullptr, 0, &length);
  Bytes text(length + 1);  // Node-API writes a terminator
  napi_get_value_string_utf8(value.Env(), value, reinterpret_cast<char*>(text.data()), text.size(), &length);
  text.resize(length);
  return text;
}

Bytes toSecretText(Napi::Value value, const Argument& argument) {
  if (value.IsString()) return toUtf8(value, argument);
  if (isBytes(value)) return toBytes(value, argument);
  argument.mustBe("a string or bytes", value);
}

Bytes withNul(Bytes bytes) {
  Bytes terminated = Bytes::zeros(bytes.size() + 1);
  if (!bytes.empty()) std::memcpy(terminated.data(), bytes.data(), bytes.size());
  terminated.resize(bytes.size());
  return terminated;
}

Napi::Value fromBytes(Napi::Env env, const unsigned char* data, std::size_t size) {
  return Napi::Buffer<unsigned char>::Copy(env, data, size);
}

Napi::Value fromPadded(Napi::Env env, const unsigned char* text, std::size_t size) {
  size = static_cast<std::size_t>(std::find(text, text + size, 0) - text);  // some modules end it with NUL
  while (size > 0 && text[size - 1] == ' ') --size;
  return Napi::String::New(env, reinterpret_cast<const char*>(text), size);
}

}  // namespace cryptoki
