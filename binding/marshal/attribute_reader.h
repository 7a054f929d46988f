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

  // Reads all there is to read, in as few calls as that takes: values of fixed size come with the first; the
  // sizes of the others are asked by the first and fetched by a second; attributes that failed in company are
  // asked one by one to learn why. An attribute that cannot be read is no error: CKR_OK says that the object
  // could be asked.
  CK_RV fetch(const Call& call);

  // Expects values as long as those that `other` has read of another object: what fits comes with the first
  // call.
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
    std::size_t room = 0;       // for the first call
    std::vector<Entry> nested;  // the members of a template
  };

  static CK_RV fetchAll(std::vector<Entry>& entries, const Call& call);
  static CK_RV fetchOneByOne(std::vector<Entry>& entries, CK_RV failure, const Call& call);
  static CK_RV fetchSized(std::vector<Entry*> entries, const Call& call);
  static CK_RV fetchTemplate(Entry& entry, const Call& call);
  Napi::Value toArray(Napi::Env env, const std::vector<Entry>& entries) const;
  Napi::Value toValue(Napi::Env env, const Entry& entry) const;

  std::vector<Entry> entries_;
  bool keepsBytes_ = false;
};

}  // namespace cryptoki
