// Attribute values that come out of the module.
#pragma once

#include <functional>
#include <vector>

#include "marshal/argument.h"
#include "marshal/tables.h"
#include "runtime/secret.h"

namespace cryptoki {

// The attributes to read of one object, and what came of each.
class AttributeReader {
 public:
  // C_GetAttributeValue on the object in question.
  using Call = std::function<CK_RV(CK_ATTRIBUTE*, CK_ULONG)>;

  // `value` is an array of attribute types.
  void read(Napi::Value value, const Argument& argument);

  // Reads all there is to read, in as few calls as that takes. From a module that compares lengths
  // (Quirks::comparesLengths) values of fixed size come with the first call, and the others with a second.
  // Any other module is asked for every length first. Attributes that failed in company are asked one by one
  // to learn why. An attribute that cannot be read is not an error: CKR_OK says that the object could be
  // asked.
  //
  // What a module does not write is not read: memory holds zeros, lengths hold CK_UNAVAILABLE_INFORMATION,
  // and what stands behind a refused attribute is asked again.
  CK_RV fetch(const Call& call, bool comparesLengths);

  // Expects values as long as those that `other` has read of another object: what fits comes with the first
  // call, if the module compares lengths.
  void expectSizesOf(const AttributeReader& other);

  // Values are given as bytes, whatever their type; templates are not.
  void keepBytes() { keepsBytes_ = true; }

  // Array of { type, value } or { type, reason: 'sensitive' | 'invalid' | 'unavailable' }, in the order of
  // the request.
  Napi::Value value(Napi::Env env) const;

 private:
  struct Entry {
    CK_ATTRIBUTE_TYPE type = 0;
    AttributeKind kind = AttributeKind::Unknown;
    bool available = false;
    CK_RV reason = CKR_OK;  // why not available, where the module said so
    Bytes value;
    std::size_t room = 0;       // for the first call to a module that compares lengths
    std::vector<Entry> nested;  // the members of a template

    // Makes memory for a value of the length that the module said. False when no such value can be.
    bool makeRoom(CK_ULONG length);
    // Takes the length of what is in the memory now.
    bool take(CK_ULONG length);
  };

  class OneByOne;

  static CK_RV fetchAll(std::vector<Entry>& entries, const Call& call, bool comparesLengths);
  static CK_RV fetchOneByOne(std::vector<Entry>& entries, CK_RV failure, const Call& call);
  static CK_RV fetchSized(const std::vector<Entry*>& entries, const Call& call);
  static CK_RV fetchAlone(Entry& entry, const Call& call);
  static CK_RV fetchTemplate(Entry& entry, const Call& call);
  static bool isReadable(const Entry& entry);
  Napi::Value toArray(Napi::Env env, const std::vector<Entry>& entries) const;
  Napi::Value toValue(Napi::Env env, const Entry& entry) const;

  std::vector<Entry> entries_;
  bool keepsBytes_ = false;
};

}  // namespace cryptoki
