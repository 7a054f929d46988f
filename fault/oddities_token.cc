// Deviations of C_GetTokenInfo.
#include <algorithm>
#include <array>
#include <string_view>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

template <class Change>
CK_RV changeInfo(OddCall& odd, Change change) {
  const CK_RV rv = odd.proceed();
  CK_TOKEN_INFO* info = std::get<1>(odd.arguments<Function::C_GetTokenInfo>());
  if (rv == CKR_OK && info != nullptr) change(*info);
  return rv;
}

CK_RV setHighestFlag(OddCall& odd) {
  return changeInfo(odd, [](CK_TOKEN_INFO& info) { info.flags |= ~(~CK_FLAGS{0} >> 1U); });
}

CK_RV hideInitialised(OddCall& odd) {
  return changeInfo(odd, [](CK_TOKEN_INFO& info) { info.flags &= ~CKF_TOKEN_INITIALIZED; });
}

CK_RV endLabel(OddCall& odd) {
  return changeInfo(odd, [](CK_TOKEN_INFO& info) {
    static constexpr std::string_view kRest{"\0junk", 5};
    auto* const first = std::begin(info.label);
    auto* end = std::end(info.label);
    while (end != first && end[-1] == ' ') --end;
    end = std::min(end, std::end(info.label) - kRest.size());
    std::copy(kRest.begin(), kRest.end(), end);
  });
}

constexpr std::array kActions{
    OddityAction{Oddity::TokenFlagsLarge, &setHighestFlag},
    OddityAction{Oddity::TokenNotInitialised, &hideInitialised},
    OddityAction{Oddity::LabelWithNul, &endLabel},
};

}  // namespace

std::span<const OddityAction> tokenOddities() { return kActions; }

}  // namespace cryptoki::fault
