#include "marshal/template.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "marshal/bytes.h"
#include "marshal/collect.h"
#include "marshal/date.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

template <class T>
Bytes bytesOf(const T& value) {
  return {&value, sizeof value};
}

// CK_DATE: eight digits, or empty for "no date".
Bytes toDate(Napi::Value value, const Argument& argument) {
  constexpr const char* kExpected = "a Date, \"YYYY-MM-DD\" or \"\"";
  std::string text;
  if (value.IsDate()) {
    const double time = value.As<Napi::Date>().ValueOf();
    if (std::isnan(time)) argument.outOfRange("a valid date");
    text = value.As<Napi::Object>()
               .Get("toISOString")
               .As<Napi::Function>()
               .Call(value, {})
               .ToString()
               .Utf8Value();
    if (text.size() != 24) argument.outOfRange("a date of the years 0 to 9999");
    text.resize(10);
  } else if (value.IsString()) {
    text = value.ToString();
  } else {
    argument.mustBe(kExpected, value);
  }
  constexpr std::size_t kWithHyphens = 10;
  const bool hasHyphens = text.size() == kWithHyphens && text[4] == '-' && text[7] == '-';
  if (hasHyphens) text = text.substr(0, 4) + text.substr(5, 2) + text.substr(8);
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || (text.size() != 8 && !text.empty())) argument.outOfRange(kExpected);
  if (!text.empty() && !isDate(text)) argument.outOfRange("a day that the calendar has");
  return {text.data(), text.size()};
}

// Big-endian without leading zeros; bytes are not changed.
Bytes toBigInteger(Napi::Value value, const Argument& argument) {
  if (!value.IsBigInt()) {
    if (!isBytes(value)) argument.mustBe("bytes (big-endian) or a bigint", value);
    return toBytes(value, argument);
  }
  auto number = value.As<Napi::BigInt>();
  std::vector<std::uint64_t> words(std::max<std::size_t>(number.WordCount(), 1));  // 0n has no words
  std::size_t count = words.size();
  int sign = 0;
  number.ToWords(&sign, &count, words.data());
  if (sign != 0) argument.outOfRange("a non-negative bigint");
  Bytes bytes(count * sizeof(std::uint64_t));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t fromEnd = bytes.size() - 1 - i;
    bytes.data()[i] = static_cast<unsigned char>(words[fromEnd / 8] >> (fromEnd % 8 * 8));
  }
  wipe(words.data(), words.size() * sizeof(std::uint64_t));
  if (count == 0) return Bytes::zeros(1);
  const auto* first = std::find_if(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte != 0; });
  return {first, static_cast<std::size_t>(bytes.end() - first)};
}

Bytes toUlongs(Napi::Value value, const Argument& argument) {
  const auto elements = elementsOf(value, argument, "an array of numbers");
  std::vector<CK_MECHANISM_TYPE> list;
  for (std::size_t i = 0; i < elements.size(); ++i) list.push_back(toUlong(elements[i], argument.element(i)));
  return {list.data(), list.size() * sizeof(CK_MECHANISM_TYPE)};
}

Bytes toValue(AttributeKind kind, Napi::Value value, const Argument& argument) {
  switch (kind) {
    case AttributeKind::Boolean:
      return bytesOf(toBoolean(value, argument));
    case AttributeKind::Ulong:
      return bytesOf(toUlong(value, argument));
    case AttributeKind::Utf8:
      if (!value.IsString() && !isBytes(value)) argument.mustBe("a string or bytes", value);
      return toSecretText(value, argument);
    case AttributeKind::Date:
      return toDate(value, argument);
    case AttributeKind::BigInteger:
      return toBigInteger(value, argument);
    case AttributeKind::Ulongs:
      return toUlongs(value, argument);
    case AttributeKind::Bytes:
    case AttributeKind::Unknown:
    case AttributeKind::Template:
      break;
  }
  return toBytes(value, argument);
}

}  // namespace

void TemplateMemory::read(Napi::Value value, const Argument& argument) {
  const auto elements = elementsOf(value, argument, "an array of { type, value }");
  entries_.reserve(elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i)
    entries_.push_back(readEntry(elements[i], argument.element(i)));
}

TemplateMemory::Entry TemplateMemory::readEntry(Napi::Value value, const Argument& argument) {
  if (!value.IsObject() || value.IsArray()) argument.mustBe("an object { type, value }", value);
  const auto object = value.As<Napi::Object>();
  Entry entry;
  entry.type = toUlong(object.Get("type"), argument.part(".type"));
  const char* name = attributeName(entry.type);
  const Argument where = argument.part(".value", name);
  const AttributeKind kind = attributeKind(entry.type);
  const Napi::Value bytes = object.HasOwnProperty("bytes") ? object.Get("bytes") : object.Env().Undefined();
  if (!bytes.IsUndefined()) {
    entry.value = toBytes(bytes, where);  // raw bytes, whatever the type
  } else if (kind == AttributeKind::Template) {
    children_.push_back(std::make_unique<TemplateMemory>());
    entry.nested = children_.back().get();
    entry.nested->read(object.Get("value"), where);
  } else {
    entry.value = toValue(kind, object.Get("value"), where);
  }
  return entry;
}

CK_ATTRIBUTE* TemplateMemory::data() {
  static CK_ATTRIBUTE nothing{};
  if (entries_.empty()) return &nothing;
  attributes_.clear();
  for (Entry& entry : entries_) {
    if (entry.nested != nullptr) {
      const auto size = static_cast<CK_ULONG>(entry.nested->size() * sizeof(CK_ATTRIBUTE));
      attributes_.push_back({entry.type, entry.nested->data(), size});
    } else {
      attributes_.push_back({entry.type, entry.value.pointer(), static_cast<CK_ULONG>(entry.value.size())});
    }
  }
  return attributes_.data();
}

}  // namespace cryptoki
