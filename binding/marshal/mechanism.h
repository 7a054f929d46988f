// CK_MECHANISM from { mechanism, parameter }.
#pragma once

#include "marshal/argument.h"
#include "marshal/structure.h"

namespace cryptoki {

// A CK_MECHANISM and all its parameter points to.
class MechanismMemory {
 public:
  // `value` is { mechanism: number, parameter?: bytes | number | object }. An object is the mechanism's own
  // parameter structure, or the one that its member `structure` names.
  void read(Napi::Value value, const Argument& argument);
  CK_MECHANISM* get();

 private:
  CK_MECHANISM_TYPE type_ = 0;
  bool absent_ = true;
  StructureMemory parameter_;
  CK_MECHANISM mechanism_{};
};

}  // namespace cryptoki
