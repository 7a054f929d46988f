// Structures by their description: mechanism parameters from JavaScript objects and what the module wrote
// into them back, information structures to objects.
#pragma once

#include <list>
#include <memory>
#include <span>
#include <vector>

#include "marshal/argument.h"
#include "marshal/tables.h"
#include "runtime/secret.h"

namespace cryptoki {

// A structure and all that its pointers point to. Moving it moves no memory, so the pointers stay right.
class StructureMemory {
 public:
  StructureMemory();
  StructureMemory(const StructureMemory&) = delete;
  StructureMemory& operator=(const StructureMemory&) = delete;
  StructureMemory(StructureMemory&&) noexcept;
  StructureMemory& operator=(StructureMemory&&) noexcept;
  ~StructureMemory();

  // Every field that is not optional (see lib/generated/structures.ts) must be there; unknown ones are an
  // error, since a misspelt option must not be ignored.
  void read(Napi::Value value, const Structure& description, const Argument& argument,
            const StructureMemory* parent = nullptr);

  // The same from the values of the fields, in their order.
  void readFields(Napi::Env env, std::span<const napi_value> values, const Structure& description,
                  const Argument& argument);

  Bytes& bytes() { return structure_; }
  bool writesBack() const { return description_ != nullptr && description_->writesBack; }

  // Takes over what the module has written by now: writeBack() shows that, whatever it writes later.
  void capture();

  // Sets the fields that the module has written in the object that was read.
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
  std::list<Part> parts_;  // other things point into them
};

Napi::Value fromStructure(Napi::Env env, const Structure& description, const void* memory);

}  // namespace cryptoki
