// The mechanisms that make message authentication codes.
#pragma once

#include <algorithm>

#include "generated/mechanism_families.h"
#include "module/quirks.h"

namespace cryptoki {

constexpr bool isMac(CK_MECHANISM_TYPE mechanism) {
  return std::binary_search(kMacMechanisms.begin(), kMacMechanisms.end(), mechanism) ||
         mechanism == kNssHmacConstantTime || mechanism == kNssSsl3MacConstantTime;
}

}  // namespace cryptoki
