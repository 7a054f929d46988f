// Deviations of C_GetAttributeValue.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "fault/odd_attributes.h"

namespace cryptoki::fault {
namespace {

constexpr CK_ULONG kUnavailable = ~CK_ULONG{0};  // CK_UNAVAILABLE_INFORMATION
constexpr CK_ULONG kUlongBits = sizeof(CK_ULONG) * 8;

std::span<CK_ATTRIBUTE> templateOf(const OddCall& odd) {
  auto* first = static_cast<CK_ATTRIBUTE*>(odd.destination().data);
  return {first, first == nullptr ? 0 : odd.destination().count};
}

CK_OBJECT_HANDLE objectOf(const OddCall& odd) {
  return std::get<1>(odd.arguments<Function::C_GetAttributeValue>());
}

template <std::size_t Size>
bool isOneOf(const std::array<CK_ATTRIBUTE_TYPE, Size>& types, CK_ATTRIBUTE_TYPE type) {
  return std::ranges::find(types, type) != types.end();
}

// Codes that do not prevent results for other attributes.
bool isOfAttributes(CK_RV rv) {
  return rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
}

}  // namespace

CK_RV answerAttributes(const OddCall& odd, const Manner& manner) {
  CK_RV result = CKR_OK;
  for (auto& attribute : templateOf(odd)) {
    auto [rv, value] = readAttribute(odd, objectOf(odd), attribute.type);
    if (!isOfAttributes(rv)) return rv;
    if (rv == CKR_OK && manner.hides != nullptr && manner.hides(attribute.type))
      rv = CKR_ATTRIBUTE_TYPE_INVALID;
    if (rv == CKR_OK && manner.change != nullptr) manner.change(attribute.type, value);
    const auto length = static_cast<CK_ULONG>(value.size());
    const bool fetches = rv == CKR_OK && attribute.pValue != nullptr;
    if (fetches && manner.looksAtRoom && attribute.ulValueLen < length) rv = CKR_BUFFER_TOO_SMALL;
    if (rv == CKR_OK && fetches && manner.writesValues && length > 0)
      std::memcpy(attribute.pValue, value.data(), length);
    attribute.ulValueLen = rv == CKR_OK ? length : kUnavailable;
    if (result == CKR_OK) result = rv;
  }
  return result;
}

namespace {

// Like NSS: this writes past buffers of the program that are too small.
CK_RV ignoreLengths(OddCall& odd) { return answerAttributes(odd, {.looksAtRoom = false}); }

CK_RV leaveValues(OddCall& odd) { return answerAttributes(odd, {.writesValues = false}); }

CK_RV leaveLengths(OddCall& odd) {
  const auto program = templateOf(odd);
  std::vector<CK_ATTRIBUTE> copy(program.begin(), program.end());
  CK_RV rv = CKR_OK;
  {
    const Replaced place(std::get<2>(odd.arguments<Function::C_GetAttributeValue>()), copy.data());
    rv = odd.proceed();
  }
  for (std::size_t i = 0; i < copy.size(); ++i) {
    if (program[i].pValue == nullptr) program[i].ulValueLen = copy[i].ulValueLen;
  }
  return rv;
}

// The position, counted from 1, of the first attribute that the object does not have.
std::optional<CK_ULONG> firstUnknown(const OddCall& odd) {
  CK_ULONG count = 0;
  for (const auto& attribute : templateOf(odd)) {
    ++count;
    if (readAttribute(odd, objectOf(odd), attribute.type).rv == CKR_ATTRIBUTE_TYPE_INVALID) return count;
  }
  return std::nullopt;
}

CK_RV stopAtUnknown(OddCall& odd) {
  auto& count = std::get<3>(odd.arguments<Function::C_GetAttributeValue>());
  const Replaced shorter(count, firstUnknown(odd).value_or(count));
  return odd.proceed();
}

CK_RV growEachTime(OddCall& odd) {
  auto& growth = odd.instance().odd.growth;
  if (odd.call().fetches()) {
    growth.fetch_add(1);
    return odd.call().refuseAsGrown(1);
  }
  const CK_RV rv = odd.proceed();
  odd.call().changeLength(8 * static_cast<std::int64_t>(growth.load()), rv);
  return rv;
}

CK_RV lengthenFixedSizes(OddCall& odd) {
  constexpr std::size_t kLong = 3000;
  return answerAttributes(odd, {.change = [](CK_ATTRIBUTE_TYPE type, Bytes& value) {
                            if (type == CKA_CLASS || type == CKA_KEY_TYPE) value.resize(kLong, 0xA5);
                          }});
}

CK_RV shortenUlongs(OddCall& odd) {
  return answerAttributes(odd, {.change = [](CK_ATTRIBUTE_TYPE type, Bytes& value) {
                            CK_ULONG number = 0;
                            if (!isOneOf(kUlongAttributes, type) || value.size() != sizeof number) return;
                            std::memcpy(&number, value.data(), sizeof number);
                            const auto narrow = static_cast<std::uint32_t>(number);
                            value.resize(sizeof narrow);
                            std::memcpy(value.data(), &narrow, sizeof narrow);
                          }});
}

template <class Wide>
CK_RV widenBooleans(OddCall& odd) {
  return answerAttributes(odd, {.change = [](CK_ATTRIBUTE_TYPE type, Bytes& value) {
                            if (!isOneOf(kBooleanAttributes, type) || value.size() != 1) return;
                            const Wide wide = value[0];
                            value.resize(sizeof wide);
                            std::memcpy(value.data(), &wide, sizeof wide);
                          }});
}

CK_RV enlargeUlongs(OddCall& odd) {
  return answerAttributes(odd, {.change = [](CK_ATTRIBUTE_TYPE type, Bytes& value) {
                            CK_ULONG number = 0;
                            if (!isOneOf(kUlongAttributes, type) || value.size() != sizeof number) return;
                            if (type == CKA_CLASS || type == CKA_KEY_TYPE) return;
                            std::memcpy(&number, value.data(), sizeof number);
                            number |= CK_ULONG{1} << (kUlongBits - 2);
                            std::memcpy(value.data(), &number, sizeof number);
                          }});
}

CK_RV refuseSeveral(OddCall& odd) { return templateOf(odd).size() > 1 ? odd.code() : odd.proceed(); }

CK_RV refuseUnknown(OddCall& odd) { return firstUnknown(odd) ? odd.code() : odd.proceed(); }

constexpr std::array kActions{
    OddityAction{Oddity::LengthsIgnored, &ignoreLengths},
    OddityAction{Oddity::LengthsUnwritten, &leaveLengths},
    OddityAction{Oddity::StopsAtUnknown, &stopAtUnknown},
    OddityAction{Oddity::ValuesUnwritten, &leaveValues},
    OddityAction{Oddity::GrowsEachTime, &growEachTime},
    OddityAction{Oddity::FixedSizeLong, &lengthenFixedSizes},
    OddityAction{Oddity::Ulong4Bytes, &shortenUlongs},
    OddityAction{Oddity::Boolean4Bytes, &widenBooleans<std::uint32_t>},
    OddityAction{Oddity::Boolean8Bytes, &widenBooleans<std::uint64_t>},
    OddityAction{Oddity::UlongLarge, &enlargeUlongs},
    OddityAction{Oddity::RefusesAll, &refuseSeveral},
    OddityAction{Oddity::RefusesUnknown, &refuseUnknown},
};

}  // namespace

std::span<const OddityAction> attributeOddities() { return kActions; }

}  // namespace cryptoki::fault
