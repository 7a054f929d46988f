// Converts attribute values to the JavaScript type of their attribute.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

#include "environment.h"
#include "marshal/attribute_reader.h"
#include "marshal/bytes.h"
#include "marshal/date.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

// Some modules return numbers and booleans in the size of another platform: a CK_ULONG in four bytes, a
// CK_BBOOL in four or eight.
bool isNumberSize(std::size_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

std::optional<std::uint64_t> toNumber(const Bytes& value) {
  const auto read = [&]<class T>(T number) -> std::uint64_t {
    std::memcpy(&number, value.data(), sizeof number);
    return number;
  };
  switch (value.size()) {
    case sizeof(std::uint8_t):
      return read(std::uint8_t{});
    case sizeof(std::uint16_t):
      return read(std::uint16_t{});
    case sizeof(std::uint32_t):
      return read(std::uint32_t{});
    case sizeof(std::uint64_t):
      return read(std::uint64_t{});
    default:
      return std::nullopt;
  }
}

const char* reasonName(CK_RV reason) {
  if (reason == CKR_ATTRIBUTE_SENSITIVE) return "sensitive";
  if (reason == CKR_ATTRIBUTE_TYPE_INVALID) return "invalid";
  return "unavailable";
}

// "YYYYMMDD" as a Date at midnight UTC; null if it is empty or not a date. A day that the
// calendar does not have is not a date: Date would convert 31 June to 1 July.
Napi::Value fromDate(Napi::Env env, const Bytes& value) {
  const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
  if (!isDate(text)) return env.Null();
  std::array<char, 16> iso{};
  std::snprintf(iso.data(), iso.size(), "%.4s-%.2s-%.2s", text.data(), text.data() + 4, text.data() + 6);
  return Environment::of(env).date(iso.data());
}

}  // namespace

Napi::Value AttributeReader::value(Napi::Env env) const { return toArray(env, entries_); }

// Returns true if the size of the value fits its type.
bool AttributeReader::isReadable(const Entry& entry) {
  const std::size_t size = entry.value.size();
  if (fixedSize(entry.kind) != 0) return isNumberSize(size);
  return entry.kind != AttributeKind::Ulongs || size % sizeof(CK_ULONG) == 0;
}

Napi::Value AttributeReader::toArray(Napi::Env env, const std::vector<Entry>& entries) const {
  auto array = Napi::Array::New(env, entries.size());
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    auto object = Napi::Object::New(env);
    object.Set("type", fromUlong(env, entries[i].type));
    if (entries[i].available && (keepsBytes_ || isReadable(entries[i]))) {
      object.Set("value", toValue(env, entries[i]));
    } else {
      object.Set("reason", Napi::String::New(env, reasonName(entries[i].reason)));
    }
    array.Set(i, object);
  }
  return array;
}

Napi::Value AttributeReader::toValue(Napi::Env env, const Entry& entry) const {
  const Bytes& value = entry.value;
  if (keepsBytes_ && entry.kind != AttributeKind::Template) return fromBytes(env, value.data(), value.size());
  switch (entry.kind) {
    case AttributeKind::Boolean:
      return Napi::Boolean::New(env, toNumber(value).value_or(0) != 0);
    case AttributeKind::Ulong: {
      const std::uint64_t number = toNumber(value).value_or(0);
      const bool isAbsent = value.size() >= sizeof(std::uint32_t) &&
                            number == std::numeric_limits<std::uint64_t>::max() >> (64 - 8 * value.size());
      return isAbsent ? env.Undefined() : fromUlong(env, number);
    }
    case AttributeKind::Utf8:
      return Napi::String::New(env, reinterpret_cast<const char*>(value.data()), value.size());
    case AttributeKind::Date:
      return fromDate(env, value);
    case AttributeKind::Ulongs: {
      auto list = Napi::Array::New(env);
      for (std::size_t at = 0; at + sizeof(CK_ULONG) <= value.size(); at += sizeof(CK_ULONG)) {
        CK_ULONG mechanism = 0;
        std::memcpy(&mechanism, value.data() + at, sizeof mechanism);
        list.Set(list.Length(), fromUlong(env, mechanism));
      }
      return list;
    }
    case AttributeKind::Template:
      return toArray(env, entry.nested);
    case AttributeKind::Bytes:
    case AttributeKind::BigInteger:
    case AttributeKind::Unknown:
      break;
  }
  return fromBytes(env, value.data(), value.size());
}

}  // namespace cryptoki
