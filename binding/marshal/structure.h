// Structures by their description: JavaScript object -> mechanism parameter, information structure -> object.
#pragma once

#include <vector>

#include "marshal/argument.h"
#include "marshal/tables.h"
#include "runtime/secret.h"

namespace cryptoki {

// A structure and the bytes its pointers point to. Moving it moves no memory, so the pointers stay right.
struct StructureMemory {
  Bytes structure;
  std::vector<Bytes> parts;
};

// Every field that is not optional (see lib/generated/structures.ts) must be there; unknown ones are an
// error, since a misspelt option must not be ignored.
StructureMemory toStructure(Napi::Value value, const Structure& description, const Argument& argument);

Napi::Value fromStructure(Napi::Env env, const Structure& description, const void* memory);

}  // namespace cryptoki
