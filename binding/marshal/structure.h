// Converts between C structures and JavaScript objects by a description: mechanism parameters in both
// directions, information structures to objects.
#pragma once

#include <list>
#include <memory>
#include <span>
#include <vector>

#include "marshal/argument.h"
#include "marshal/tables.h"
#include "runtime/secret.h"

namespace cryptoki {

// A structure and all memory that it points to. A move does not move that memory, so the pointers stay valid.
class StructureMemory {
 public:
  StructureMemory();
  StructureMemory(const StructureMemory&) = delete;
  StructureMemory& operator=(const StructureMemory&) = delete;
  StructureMemory(StructureMemory&&) noexcept;
  StructureMemory& operator=(StructureMemory&&) noexcept;
  ~StructureMemory();

  // All fields except optional ones (see lib/generated/structures.ts) are required. Unknown names are an
  // error, because a misspelt option must not be ignored.
  void read(Napi::Value value, const Structure& description, const Argument& argument,
            const StructureMemory* parent = nullptr);

  // The same from the values of the fields, in the order of the description.
  void readFields(Napi::Env env, std::span<const napi_value> values, const Structure& description,
                  const Argument& argument);

  Bytes& bytes() { return structure_; }
  bool writesBack() const { return description_ != nullptr && description_->writesBack; }

  // Copies the data that the module has written so far; writeBack() uses this copy, whatever the module
  // writes later.
  void capture();

  // Sets the fields that the module has written in the JavaScript object.
  void writeBack(Napi::Object object) const;

 private:
  struct Part;

  template <class Get>
  void readAll(const Structure& description, const Argument& argument, const StructureMemory* parent,
               Get&& get);
  void readField(const Field& field, Napi::Value value, const Argument& argument,
                 const StructureMemory* parent);
  void readPointed(const Field& field, Napi::Value value, const Argument& argument,
                   const StructureMemory* parent);
  void readStructures(const Field& field, Napi::Value value, const Argument& argument);
  Part& keep(const Field& field, Bytes bytes);
  CK_ULONG ivBits() const;

  const Structure* description_ = nullptr;
  Bytes structure_;
  std::list<Part> parts_;  // a list, because pointers lead to its elements
};

Napi::Value fromStructure(Napi::Env env, const Structure& description, const void* memory);

}  // namespace cryptoki
