#include "marshal/attribute_reader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "marshal/collect.h"
#include "marshal/number.h"
#include "marshal/sizes.h"

namespace cryptoki {
namespace {

// The number of times that a value may change its size between the question for its length and the read.
constexpr int kMostAttempts = 4;

// The results after which the lengths of C_GetAttributeValue are valid.
bool partial(CK_RV rv) {
  return rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
         rv == CKR_BUFFER_TOO_SMALL;
}

// Results with which modules refuse the whole call because of one attribute, against the specification
// (SoftHSM2: dates of private objects).
bool aboutOneAttribute(CK_RV rv) {
  switch (rv) {
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
    case CKR_ARGUMENTS_BAD:
    case CKR_ATTRIBUTE_VALUE_INVALID:
    case CKR_DEVICE_ERROR:
    case CKR_FUNCTION_NOT_SUPPORTED:
      return true;
    default:
      return rv >= CKR_VENDOR_DEFINED;
  }
}

// The largest size that a value of this kind can have.
std::size_t longest(AttributeKind kind) {
  constexpr std::size_t kMostMembers = 4096;
  constexpr std::size_t kMostRoom = std::size_t{64} << 10;  // some modules report too much; see isReadable()
  if (fixedSize(kind) != 0) return kMostRoom;
  if (kind == AttributeKind::Ulongs) return kMostListed * sizeof(CK_ULONG);
  if (kind == AttributeKind::Template) return kMostMembers * sizeof(CK_ATTRIBUTE);
  return kMostAttributeBytes;
}

}  // namespace

bool AttributeReader::Entry::makeRoom(CK_ULONG length) {
  const auto size = believed(length, longest(kind));
  const bool isTemplate = kind == AttributeKind::Template;
  if (!size || (isTemplate && *size % sizeof(CK_ATTRIBUTE) != 0)) return false;
  // A module may report four bytes for a number and then write eight.
  value = Bytes::zeros(std::max(*size, sizeof(CK_ULONG)));
  value.resize(*size);
  return true;
}

bool AttributeReader::Entry::take(CK_ULONG length) {
  if (isUnavailable(length) || length > value.size()) return false;
  value.resize(length);
  available = true;
  return true;
}

void AttributeReader::read(Napi::Value value, const Argument& argument) {
  const auto types = elementsOf(value, argument, "an array of attribute types");
  for (std::size_t i = 0; i < types.size(); ++i) {
    Entry entry;
    entry.type = toUlong(types[i], argument.element(i));
    entry.kind = attributeKind(entry.type);
    entry.room = fixedSize(entry.kind);
    entries_.push_back(std::move(entry));
  }
}

void AttributeReader::expectSizesOf(const AttributeReader& other) {
  constexpr std::size_t kStep = 64;  // labels and similar values differ by a few bytes
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& seen = other.entries_[i];
    if (seen.kind == AttributeKind::Template || fixedSize(seen.kind) != 0) continue;
    entries_[i].room = (seen.value.size() / kStep + 1) * kStep;
  }
}

CK_RV AttributeReader::fetch(const Call& call, bool comparesLengths) {
  return fetchAll(entries_, call, comparesLengths);
}

// Reads attributes of one object one at a time. A refused attribute is absent. A removed device refuses all
// of them with the same codes: then the remaining ones are not read, and its error is the result.
class AttributeReader::OneByOne {
 public:
  explicit OneByOne(const Call& call) : call_(call) {}

  // CKR_OK: continue with the next attribute.
  CK_RV fetch(Entry& entry) {
    const CK_RV rv = fetchAlone(entry, call_);
    if (rv != CKR_OK && !aboutOneAttribute(rv)) return rv;
    entry.reason = rv == CKR_OK ? entry.reason : rv;
    refusal_ = rv;
    refusals_ = rv == CKR_OK ? 0 : refusals_ + 1;
    any_ = any_ || rv == CKR_OK;
    return refusals_ == kDoubtful ? end() : CKR_OK;
  }

  // Determines if refusals at the end concern the attributes or the device.
  CK_RV end() { return refusals_ == 0 || isThere() ? CKR_OK : refusal_; }

  // Returns true if the module returned a value.
  bool any() const { return any_; }

 private:
  static constexpr std::size_t kDoubtful = 3;

  // Every object has a class.
  bool isThere() const {
    CK_ATTRIBUTE objectClass{CKA_CLASS, nullptr, CK_UNAVAILABLE_INFORMATION};
    return partial(call_(&objectClass, 1));
  }

  const Call& call_;
  CK_RV refusal_ = CKR_OK;    // the last
  std::size_t refusals_ = 0;  // in a row
  bool any_ = false;
};

CK_RV AttributeReader::fetchAll(std::vector<Entry>& entries, const Call& call, bool comparesLengths) {
  if (entries.empty()) return CKR_OK;
  std::vector<CK_ATTRIBUTE> attributes;
  for (Entry& entry : entries) {
    entry.value = Bytes::zeros(comparesLengths ? entry.room : 0);
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
    if (isUnavailable(length)) {
      failed.push_back(&entry);
    } else if (attributes[i].pValue != nullptr && entry.take(length)) {
      continue;
    } else if (entry.makeRoom(length)) {
      sized.push_back(&entry);
    }
  }
  if (const CK_RV result = fetchSized(sized, call); result != CKR_OK) return result;
  if (failed.size() == 1 && rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL) {
    failed.front()->reason = rv;
    return CKR_OK;
  }
  OneByOne rest(call);
  for (Entry* entry : failed) {
    if (const CK_RV result = rest.fetch(*entry); result != CKR_OK) return result;
  }
  return rest.end();
}

// After a common call returned `failure`: reads each attribute alone. If none can be read, the failure
// concerns the object.
CK_RV AttributeReader::fetchOneByOne(std::vector<Entry>& entries, CK_RV failure, const Call& call) {
  OneByOne all(call);
  for (Entry& entry : entries) {
    if (const CK_RV rv = all.fetch(entry); rv != CKR_OK) return rv;
  }
  return all.any() ? all.end() : failure;
}

// The lengths are known: reads all values in one call. If that fails, the content of the memory is unknown,
// so reads each value alone.
CK_RV AttributeReader::fetchSized(const std::vector<Entry*>& entries, const Call& call) {
  if (entries.empty()) return CKR_OK;
  std::vector<CK_ATTRIBUTE> attributes;
  attributes.reserve(entries.size());
  for (Entry* entry : entries)
    attributes.push_back({entry->type, entry->value.pointer(), static_cast<CK_ULONG>(entry->value.size())});
  const CK_RV rv = call(attributes.data(), static_cast<CK_ULONG>(attributes.size()));
  if (!partial(rv) && !aboutOneAttribute(rv)) return rv;
  OneByOne again(call);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = *entries[i];
    if (rv != CKR_OK || !entry.take(attributes[i].ulValueLen)) {
      if (const CK_RV result = again.fetch(entry); result != CKR_OK) return result;
    } else if (entry.kind == AttributeKind::Template) {
      if (const CK_RV result = fetchTemplate(entry, call); result != CKR_OK) return result;
    }
  }
  return again.end();
}

// Reads one attribute: its length, then its value. The result of that call is the reason reported for a
// missing value.
CK_RV AttributeReader::fetchAlone(Entry& entry, const Call& call) {
  entry.available = false;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    CK_ATTRIBUTE alone{entry.type, nullptr, CK_UNAVAILABLE_INFORMATION};
    CK_RV rv = call(&alone, 1);
    entry.reason = rv;
    if (!partial(rv)) return rv;
    if (isUnavailable(alone.ulValueLen) || (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL)) return CKR_OK;
    if (!entry.makeRoom(alone.ulValueLen)) return CKR_OK;
    alone = {entry.type, entry.value.pointer(), static_cast<CK_ULONG>(entry.value.size())};
    rv = call(&alone, 1);
    entry.reason = rv;
    if (!partial(rv)) return rv;
    if (rv == CKR_OK && entry.take(alone.ulValueLen))
      return entry.kind == AttributeKind::Template ? fetchTemplate(entry, call) : CKR_OK;
    if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL) return CKR_OK;
  }
  return CKR_OK;
}

// The value is an array of CK_ATTRIBUTEs with null pointers, into which the module wrote types and lengths.
// One more call, with memory for each member, fetches the values.
CK_RV AttributeReader::fetchTemplate(Entry& entry, const Call& call) {
  std::vector<CK_ATTRIBUTE> members(entry.value.size() / sizeof(CK_ATTRIBUTE));
  if (members.empty()) return CKR_OK;
  std::memcpy(members.data(), entry.value.data(), members.size() * sizeof(CK_ATTRIBUTE));
  entry.nested.resize(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    Entry& member = entry.nested[i];
    member.type = members[i].type;
    member.kind = attributeKind(member.type);
    const bool isTemplate = member.kind == AttributeKind::Template;
    if (isTemplate) member.kind = AttributeKind::Unknown;
    // Three nested levels of templates have never been seen; the third is reported as unavailable.
    if (isTemplate || !member.makeRoom(members[i].ulValueLen)) {
      members[i] = {member.type, nullptr, 0};
      continue;
    }
    member.available = true;
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
    if (member.available) member.available = member.take(members[i].ulValueLen);
  }
  return CKR_OK;
}

}  // namespace cryptoki
