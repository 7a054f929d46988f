// Reads attribute values from the module.
#pragma once

#include <functional>
#include <vector>

#include "marshal/argument.h"
#include "marshal/tables.h"
#include "runtime/secret.h"

namespace cryptoki {

// The attributes to read from one object, and the result for each.
class AttributeReader {
 public:
  // Calls C_GetAttributeValue on the object.
  using Call = std::function<CK_RV(CK_ATTRIBUTE*, CK_ULONG)>;

  // `value` is an array of attribute types.
  void read(Napi::Value value, const Argument& argument);

  // Reads all attributes with as few calls as possible. A module that compares lengths
  // (Quirks::comparesLengths) returns values of fixed size in the first call and the others in a second one;
  // any other module is asked for every length first. Attributes that fail in a common call are read one by
  // one to find the reason. An attribute that cannot be read is not an error: CKR_OK means that the object
  // could be read.
  //
  // Memory that the module did not write is never returned: values start as zeros and lengths as
  // CK_UNAVAILABLE_INFORMATION, and attributes behind a refused one are read again.
  CK_RV fetch(const Call& call, bool comparesLengths);

  // Prepares memory for values as long as those that `other` read from another object. Values that fit come
  // with the first call, if the module compares lengths.
  void expectSizesOf(const AttributeReader& other);

  // Returns all values as bytes, whatever their type, except templates.
  void keepBytes() { keepsBytes_ = true; }

  // Array of { type, value } or { type, reason: 'sensitive' | 'invalid' | 'unavailable' }, in the order of
  // the request.
  Napi::Value value(Napi::Env env) const;

 private:
  struct Entry {
    CK_ATTRIBUTE_TYPE type = 0;
    AttributeKind kind = AttributeKind::Unknown;
    bool available = false;
    CK_RV reason = CKR_OK;  // reason for a missing value, if the module reported one
    Bytes value;
    std::size_t room = 0;       // for the first call to a module that compares lengths
    std::vector<Entry> nested;  // the members of a template

    // Allocates memory for a value of the length that the module reported. Returns false when the length is
    // impossible.
    bool makeRoom(CK_ULONG length);
    // Sets the length of the value that the module has written.
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
