// Access to single fields of C structures. Uses memcpy, because structures are packed on Windows.
#pragma once

#include <cstring>

#include "marshal/argument.h"
#include "runtime/secret.h"

namespace cryptoki {

template <class T>
void putField(Bytes& structure, std::size_t offset, const T& value) {
  // NOLINTNEXTLINE(bugprone-sizeof-expression): where T is a pointer, its own size is meant
  std::memcpy(structure.data() + offset, &value, sizeof(T));
}

template <class T>
T getField(const void* memory, std::size_t offset) {
  T value{};
  std::memcpy(&value, static_cast<const unsigned char*>(memory) + offset, sizeof value);
  return value;
}

CK_BYTE toByte(Napi::Value value, const Argument& argument);
// { major, minor }
CK_VERSION toVersion(Napi::Value value, const Argument& argument);
Napi::Value fromVersion(Napi::Env env, CK_VERSION version);

}  // namespace cryptoki
