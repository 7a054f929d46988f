// C_GetAttributeValue with deviations.
#pragma once

#include <vector>

#include "fault/oddities.h"

namespace cryptoki::fault {

using Bytes = std::vector<CK_BYTE>;

// The deviations. The real module is asked for one attribute after the other.
struct Manner {
  void (*change)(CK_ATTRIBUTE_TYPE type, Bytes& value) = nullptr;
  bool (*hides)(CK_ATTRIBUTE_TYPE type) = nullptr;  // attributes that no object has
  bool looksAtRoom = true;
  bool writesValues = true;
};

CK_RV answerAttributes(const OddCall& odd, const Manner& manner);

}  // namespace cryptoki::fault
