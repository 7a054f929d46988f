// CK_ATTRIBUTE arrays that are passed to the module.
#pragma once

#include <memory>
#include <vector>

#include "marshal/argument.h"
#include "marshal/tables.h"
#include "runtime/secret.h"

namespace cryptoki {

// A template with its values, including nested templates.
class TemplateMemory {
 public:
  // `value` is an array of { type: number, value }. The type of the attribute determines the type of the
  // value: a boolean, a number or bigint, a string, a Date, bytes, an array of numbers, or another template.
  // Attributes that the specification does not name take bytes.
  void read(Napi::Value value, const Argument& argument);

  CK_ATTRIBUTE* data();
  CK_ULONG size() const { return static_cast<CK_ULONG>(entries_.size()); }

 private:
  struct Entry {
    CK_ATTRIBUTE_TYPE type = 0;
    Bytes value;
    TemplateMemory* nested = nullptr;  // in children_
  };
  Entry readEntry(Napi::Value value, const Argument& argument);

  std::vector<Entry> entries_;
  std::vector<std::unique_ptr<TemplateMemory>> children_;
  std::vector<CK_ATTRIBUTE> attributes_;
};

}  // namespace cryptoki
