#include "marshal/attribute_reader.h"

#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include "marshal/bytes.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

// How often a value may have another size than the module said the moment before.
constexpr int kPatience = 4;

std::size_t fixedSize(AttributeKind kind) {
  if (kind == AttributeKind::Boolean) return sizeof(CK_BBOOL);
  if (kind == AttributeKind::Ulong) return sizeof(CK_ULONG);
  return 0;
}

// The results with which C_GetAttributeValue has done all it could: the lengths say what was read.
bool partial(CK_RV rv) {
  return rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
         rv == CKR_BUFFER_TOO_SMALL;
}

// Results that the specification does not have here, with which modules refuse all because of one attribute
// (SoftHSM2: dates of private objects).
bool aboutOneAttribute(CK_RV rv) {
  return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_ARGUMENTS_BAD ||
         rv == CKR_ATTRIBUTE_VALUE_INVALID;
}

CK_ULONG toNumber(const Bytes& value) {
  // Some modules give a CK_ULONG four bytes on a 64-bit system.
  if (value.size() == sizeof(std::uint32_t)) {
    std::uint32_t number = 0;
    std::memcpy(&number, value.data(), sizeof number);
    return number;
  }
  CK_ULONG number = 0;
  std::memcpy(&number, value.data(), sizeof number);
  return number;
}

const char* reasonName(CK_RV reason) {
  if (reason == CKR_ATTRIBUTE_SENSITIVE) return "sensitive";
  if (reason == CKR_ATTRIBUTE_TYPE_INVALID) return "invalid";
  return "unavailable";
}

// "YYYYMMDD" as a Date at midnight UTC; null for no date.
Napi::Value fromDate(Napi::Env env, const Bytes& value) {
  std::array<int, 3> parts{};
  constexpr std::array<std::size_t, 4> kBounds{0, 4, 6, 8};
  if (value.size() != kBounds.back()) return env.Null();
  const auto* text = reinterpret_cast<const char*>(value.data());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto [end, error] = std::from_chars(text + kBounds[i], text + kBounds[i + 1], parts[i]);
    if (error != std::errc() || end != text + kBounds[i + 1]) return env.Null();
  }
  std::array<char, 16> iso{};
  std::snprintf(iso.data(), iso.size(), "%04d-%02d-%02d", parts[0], parts[1], parts[2]);
  return env.Global().Get("Date").As<Napi::Function>().New({Napi::String::New(env, iso.data())});
}

}  // namespace

void AttributeReader::read(Napi::Value value, const Argument& argument) {
  if (!value.IsArray()) argument.mustBe("an array of attribute types", value);
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    Entry entry;
    entry.type = toUlong(array.Get(i), argument.element(i));
    entry.kind = attributeKind(entry.type);
    entry.room = fixedSize(entry.kind);
    entries_.push_back(std::move(entry));
  }
}

void AttributeReader::expectSizesOf(const AttributeReader& other) {
  constexpr std::size_t kStep = 64;  // labels and the like differ by a few bytes
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& seen = other.entries_[i];
    if (seen.kind == AttributeKind::Template || fixedSize(seen.kind) != 0) continue;
    entries_[i].room = (seen.value.size() / kStep + 1) * kStep;
  }
}

CK_RV AttributeReader::fetch(const Call& call) { return fetchAll(entries_, call); }

CK_RV AttributeReader::fetchAll(std::vector<Entry>& entries, const Call& call) {
  if (entries.empty()) return CKR_OK;
  std::vector<CK_ATTRIBUTE> attributes;
  for (Entry& entry : entries) {
    entry.value.resize(entry.room);
    const bool room = !entry.value.empty();
    attributes.push_back({entry.type, room ? entry.value.data() : nullptr,
                          room ? static_cast<CK_ULONG>(entry.value.size()) : CK_UNAVAILABLE_INFORMATION});
  }
  const CK_RV rv = call(attributes.data(), static_cast<CK_ULONG>(attributes.size()));
  if (!partial(rv))
    return entries.size() > 1 && aboutOneAttribute(rv) ? fetchOneByOne(entries, rv, call) : rv;

  std::vector<Entry*> sized;
  std::vector<Entry*> failed;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    const CK_ULONG length = attributes[i].ulValueLen;
    if (length == CK_UNAVAILABLE_INFORMATION) {
      failed.push_back(&entry);
    } else if (attributes[i].pValue == nullptr || length > entry.value.size()) {
      entry.value.resize(length);
      sized.push_back(&entry);
    } else {
      entry.value.resize(length);
      entry.available = true;
    }
  }
  if (const CK_RV result = fetchSized(std::move(sized), call); result != CKR_OK) return result;
  for (Entry* entry : failed) {
    if (failed.size() == 1 && rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL) {
      entry->reason = rv;
      continue;
    }
    CK_ATTRIBUTE alone{entry->type, nullptr, CK_UNAVAILABLE_INFORMATION};
    entry->reason = call(&alone, 1);
    if (entry->reason != CKR_OK || alone.ulValueLen == CK_UNAVAILABLE_INFORMATION) continue;
    entry->value.resize(alone.ulValueLen);  // readable alone: a fixed size that was too small for this module
    if (const CK_RV result = fetchSized({entry}, call); result != CKR_OK) return result;
  }
  return CKR_OK;
}

// After `failure` of all together: each for itself. If none can be read, the failure is about the object.
CK_RV AttributeReader::fetchOneByOne(std::vector<Entry>& entries, CK_RV failure, const Call& call) {
  bool any = false;
  for (Entry& entry : entries) {
    std::vector<Entry> alone{entry};
    const CK_RV rv = fetchAll(alone, call);
    if (rv != CKR_OK && !aboutOneAttribute(rv)) return rv;
    if (rv == CKR_OK) {
      entry = std::move(alone.front());
    } else {
      entry.reason = rv;
    }
    any = any || rv == CKR_OK;
  }
  return any ? CKR_OK : failure;
}

CK_RV AttributeReader::fetchSized(std::vector<Entry*> entries, const Call& call) {
  for (int attempt = 0; attempt < kPatience && !entries.empty(); ++attempt) {
    std::vector<CK_ATTRIBUTE> attributes;
    for (Entry* entry : entries) {
      if (entry->kind == AttributeKind::Template) entry->value = Bytes::zeros(entry->value.size());
      attributes.push_back({entry->type, entry->value.pointer(), static_cast<CK_ULONG>(entry->value.size())});
    }
    const CK_RV rv = call(attributes.data(), static_cast<CK_ULONG>(attributes.size()));
    if (!partial(rv)) return rv;
    std::vector<Entry*> again;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      Entry& entry = *entries[i];
      const CK_ULONG length = attributes[i].ulValueLen;
      if (length != CK_UNAVAILABLE_INFORMATION && length <= entry.value.size()) {
        entry.value.resize(length);
        entry.available = true;
        continue;
      }
      entry.reason = rv;
      if (rv != CKR_BUFFER_TOO_SMALL) continue;
      CK_ATTRIBUTE size{entry.type, nullptr, CK_UNAVAILABLE_INFORMATION};  // it grew in between
      if (call(&size, 1) != CKR_OK || size.ulValueLen == CK_UNAVAILABLE_INFORMATION) continue;
      entry.value.resize(size.ulValueLen);
      again.push_back(&entry);
    }
    for (Entry* entry : entries) {
      if (entry->kind != AttributeKind::Template || !entry->available) continue;
      if (const CK_RV result = fetchTemplate(*entry, call); result != CKR_OK) return result;
    }
    entries = std::move(again);
  }
  return CKR_OK;
}

// The value holds CK_ATTRIBUTEs with null pointers, into which the module wrote types and lengths. The values
// are fetched by a call that has memory for each.
CK_RV AttributeReader::fetchTemplate(Entry& entry, const Call& call) {
  std::vector<CK_ATTRIBUTE> members(entry.value.size() / sizeof(CK_ATTRIBUTE));
  if (members.empty()) return CKR_OK;
  std::memcpy(members.data(), entry.value.data(), members.size() * sizeof(CK_ATTRIBUTE));
  entry.nested.resize(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    Entry& member = entry.nested[i];
    member.type = members[i].type;
    member.kind = attributeKind(member.type);
    // A template inside a template inside a template has never been seen; it is reported as unavailable.
    if (members[i].ulValueLen == CK_UNAVAILABLE_INFORMATION || member.kind == AttributeKind::Template) {
      member.kind = AttributeKind::Unknown;
      members[i] = {member.type, nullptr, 0};
      continue;
    }
    member.available = true;
    member.value.resize(members[i].ulValueLen);
    members[i].pValue = member.value.pointer();
  }
  CK_ATTRIBUTE whole{entry.type, members.data(),
                     static_cast<CK_ULONG>(members.size() * sizeof(CK_ATTRIBUTE))};
  const CK_RV rv = call(&whole, 1);
  if (!partial(rv)) return rv;
  entry.available = rv == CKR_OK;
  entry.reason = rv;
  for (std::size_t i = 0; i < members.size() && entry.available; ++i) {
    Entry& member = entry.nested[i];
    if (members[i].ulValueLen > member.value.size()) member.available = false;
    if (member.available) member.value.resize(members[i].ulValueLen);
  }
  return CKR_OK;
}

Napi::Value AttributeReader::value(Napi::Env env) const { return toArray(env, entries_); }

Napi::Value AttributeReader::toArray(Napi::Env env, const std::vector<Entry>& entries) const {
  auto array = Napi::Array::New(env, entries.size());
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    auto object = Napi::Object::New(env);
    object.Set("type", fromUlong(env, entries[i].type));
    if (entries[i].available) {
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
      if (value.size() != sizeof(CK_BBOOL)) break;
      return Napi::Boolean::New(env, value[0] != CK_FALSE);
    case AttributeKind::Ulong:
      if (value.size() != sizeof(CK_ULONG) && value.size() != sizeof(std::uint32_t)) break;
      return fromAvailable(env, toNumber(value));
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
  // Also a value whose size does not fit its type: the caller sees what the module gave.
  return fromBytes(env, value.data(), value.size());
}

}  // namespace cryptoki
