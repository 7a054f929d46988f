// Wrong lengths of results, and results that are not written.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

constexpr CK_ULONG kHighest = ~CK_ULONG{0};
// -1 in 32 bits, also if CK_ULONG has 64.
constexpr auto kMinusOne32 = static_cast<CK_ULONG>(0xFFFFFFFFU);

void copyResult(const OddCall& odd, const std::vector<CK_BYTE>& result) {
  if (!result.empty()) std::memcpy(odd.destination().data, result.data(), result.size());
  *odd.destination().length = static_cast<CK_ULONG>(result.size());
}

// Changes each length that the call returns, after it has succeeded.
template <CK_ULONG Length>
CK_RV answerLength(OddCall& odd) {
  const CK_RV rv = odd.proceed();
  const auto& [data, length, count] = odd.destination();
  if (odd.call().shape().answer != Answer::Attributes) {
    if (rv == CKR_OK && length != nullptr) *length = Length;
    return rv;
  }
  // Some attributes may have a result although others do not; those have no length.
  const bool hasAnswers = rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
  auto* attributes = static_cast<CK_ATTRIBUTE*>(data);
  for (CK_ULONG i = 0; hasAnswers && attributes != nullptr && i < count; ++i) {
    if (attributes[i].ulValueLen != kHighest) attributes[i].ulValueLen = Length;
  }
  return rv;
}

CK_RV exceedRoom(OddCall& odd) {
  CK_ULONG* length = odd.destination().length;
  const CK_ULONG room = *length;
  const CK_RV rv = odd.proceed();
  if (rv == CKR_OK) *length = room + 16;
  return rv;
}

CK_RV leaveLength(OddCall& odd) {
  CK_ULONG* length = odd.destination().length;
  const CK_ULONG room = *length;
  const CK_RV rv = odd.proceed();
  if (rv == CKR_OK) *length = room;
  return rv;
}

CK_RV refuseForEver(OddCall& odd) { return odd.call().refuseAsGrown(1); }

// The real module keeps the operation when the buffer is too small; here it is completed and the result is
// discarded.
CK_RV endWhenTooSmall(OddCall& odd, bool hasLength) {
  std::vector<CK_BYTE> result;
  const CK_ULONG room = *odd.destination().length;
  const CK_RV rv = odd.fetch(result);
  if (rv != CKR_OK) return rv;
  if (result.size() <= room) {
    copyResult(odd, result);
    return CKR_OK;
  }
  constexpr CK_ULONG kGarbage = kHighest / 3;
  *odd.destination().length = hasLength ? static_cast<CK_ULONG>(result.size()) : kGarbage;
  return CKR_BUFFER_TOO_SMALL;
}

CK_RV endOperation(OddCall& odd) { return endWhenTooSmall(odd, true); }

CK_RV endWithGarbage(OddCall& odd) { return endWhenTooSmall(odd, false); }

CK_RV leaveResult(OddCall& odd) {
  if (odd.function() == Function::C_GenerateRandom) return CKR_OK;
  std::vector<CK_BYTE> result;
  CK_RV rv = CKR_OK;
  if (!odd.fetchFitting(result, rv)) return rv;
  *odd.destination().length = static_cast<CK_ULONG>(result.size());
  return CKR_OK;
}

// The result is written later into the program's memory; the program must keep it until then.
CK_RV answerLater(OddCall& odd) {
  constexpr std::chrono::milliseconds kDelay{50};
  std::vector<CK_BYTE> result;
  CK_RV rv = CKR_OK;
  if (!odd.fetchFitting(result, rv)) return rv;
  auto& later = odd.instance().odd.laterAnswers;
  ++later;
  std::thread([destination = odd.destination(), result = std::move(result), kDelay, &later] {
    std::this_thread::sleep_for(kDelay);
    if (!result.empty()) std::memcpy(destination.data, result.data(), result.size());
    *destination.length = static_cast<CK_ULONG>(result.size());
    --later;
  }).detach();
  return CKR_PENDING;
}

constexpr std::array kActions{
    OddityAction{Oddity::LengthNearMax, &answerLength<kHighest - 7>},
    OddityAction{Oddity::Length32bitMinusOne, &answerLength<kMinusOne32>},
    OddityAction{Oddity::LengthHuge, &answerLength<kHighest / 4 + 1>},
    OddityAction{Oddity::LengthZero, &answerLength<0>},
    OddityAction{Oddity::LengthBeyondRoom, &exceedRoom},
    OddityAction{Oddity::LengthUnwritten, &leaveLength},
    OddityAction{Oddity::TooSmallForEver, &refuseForEver},
    OddityAction{Oddity::TooSmallEndsOperation, &endOperation},
    OddityAction{Oddity::TooSmallLengthGarbage, &endWithGarbage},
    OddityAction{Oddity::ResultUnwritten, &leaveResult},
    OddityAction{Oddity::Pending, &answerLater},
};

}  // namespace

std::span<const OddityAction> lengthOddities() { return kActions; }

}  // namespace cryptoki::fault
