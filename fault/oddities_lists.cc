// Deviations of slot lists, mechanism lists, and searches.
#include <algorithm>
#include <array>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

CK_RV refuseAsked(OddCall& odd) {
  const CK_RV rv = odd.proceed();
  return rv == CKR_OK ? CKR_BUFFER_TOO_SMALL : rv;
}

CK_RV refuseAskedWithoutNumber(OddCall& odd) {
  const CK_ULONG before = *odd.destination().length;
  const CK_RV rv = refuseAsked(odd);
  *odd.destination().length = before;
  return rv;
}

CK_RV askTooFew(OddCall& odd) {
  const CK_RV rv = odd.proceed();
  if (rv == CKR_OK) *odd.destination().length /= 2;
  return rv;
}

// The address for the number of elements, and the size of the program's buffer.
struct Count {
  CK_ULONG* count;
  CK_ULONG room;
};

Count countOf(const OddCall& odd) {
  if (odd.function() == Function::C_FindObjects) {
    const auto& arguments = odd.arguments<Function::C_FindObjects>();
    return {std::get<3>(arguments), std::get<2>(arguments)};
  }
  CK_ULONG* length = odd.destination().length;
  return {length, length == nullptr ? 0 : *length};
}

// Not when nothing was found: a search would never end.
template <class Change>
CK_RV changeCount(OddCall& odd, Change change) {
  const auto [count, room] = countOf(odd);
  const CK_RV rv = odd.proceed();
  if (rv == CKR_OK && *count > 0) *count = change(room);
  return rv;
}

CK_RV exceedRoom(OddCall& odd) {
  return changeCount(odd, [](CK_ULONG room) { return room + 3; });
}

CK_RV answerHugeCount(OddCall& odd) {
  return changeCount(odd, [](CK_ULONG /*room*/) { return ~CK_ULONG{0} / 8 + 1; });
}

CK_RV repeatHandle(OddCall& odd) {
  auto& [session, handles, most, count] = odd.arguments<Function::C_FindObjects>();
  if (handles == nullptr || count == nullptr || most == 0) return odd.proceed();
  auto& repeated = odd.memory().repeated;
  if (most == 1 && repeated) {  // no room for two in one call
    handles[0] = *repeated;
    *count = 1;
    repeated.reset();
    return CKR_OK;
  }
  CK_RV rv = CKR_OK;
  {
    const Replaced fewer(most, most == 1 ? most : most - 1);
    rv = odd.proceed();
  }
  if (rv != CKR_OK || *count == 0) return rv;
  if (most == 1)
    repeated = handles[0];
  else
    handles[(*count)++] = handles[0];
  return rv;
}

CK_RV repeatForEver(OddCall& odd) {
  auto& [session, handles, most, count] = odd.arguments<Function::C_FindObjects>();
  if (handles == nullptr || count == nullptr || most == 0) return odd.proceed();
  const CK_RV rv = odd.proceed();
  if (rv != CKR_OK) return rv;
  auto& last = odd.memory().repeated;
  if (*count > 0) {
    last = handles[std::min(*count, most) - 1];
  } else if (last) {
    handles[0] = *last;
    *count = 1;
  }
  return rv;
}

CK_RV searchWithoutId(OddCall& odd) {
  auto& [session, attributes, count] = odd.arguments<Function::C_FindObjectsInit>();
  std::vector<CK_ATTRIBUTE> kept;
  if (attributes != nullptr) kept.assign(attributes, attributes + count);
  std::erase_if(kept, [](const auto& attribute) { return attribute.type == CKA_ID; });
  const Replaced replacedList(attributes, kept.empty() ? nullptr : kept.data());
  const Replaced fewer(count, static_cast<CK_ULONG>(kept.size()));
  return odd.proceed();
}

CK_RV refuseKeyType(OddCall& odd) {
  const auto& [session, attributes, count] = odd.arguments<Function::C_FindObjectsInit>();
  const bool hasKeyType = attributes != nullptr &&
                          std::any_of(attributes, attributes + count,
                                      [](const auto& attribute) { return attribute.type == CKA_KEY_TYPE; });
  return hasKeyType ? odd.code() : odd.proceed();
}

constexpr std::array kActions{
    OddityAction{Oddity::SizeCallTooSmall, &refuseAsked},
    OddityAction{Oddity::SizeCallTooSmallWithoutNumber, &refuseAskedWithoutNumber},
    OddityAction{Oddity::SizeCallSaysTooFew, &askTooFew},
    OddityAction{Oddity::CountTooLarge, &exceedRoom},
    OddityAction{Oddity::CountHuge, &answerHugeCount},
    OddityAction{Oddity::FindSameHandleTwice, &repeatHandle},
    OddityAction{Oddity::FindNeverEnds, &repeatForEver},
    OddityAction{Oddity::IgnoresId, &searchWithoutId},
    OddityAction{Oddity::RefusesKeyType, &refuseKeyType},
};

}  // namespace

std::span<const OddityAction> listOddities() { return kActions; }

}  // namespace cryptoki::fault
