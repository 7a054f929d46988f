#include "fault/call.h"

#include <algorithm>
#include <span>

namespace cryptoki::fault {
namespace {

constexpr CK_ULONG kUnavailable = ~CK_ULONG{0};  // CK_UNAVAILABLE_INFORMATION

std::span<CK_ATTRIBUTE> attributesOf(const Destination& destination) {
  auto* first = static_cast<CK_ATTRIBUTE*>(destination.data);
  return {first, first == nullptr ? 0 : destination.count};
}

CK_ULONG changed(CK_ULONG length, std::int64_t by) {
  if (by >= 0) return length + static_cast<CK_ULONG>(by);
  return length - std::min(length, static_cast<CK_ULONG>(-by));
}

void flip(void* data, CK_ULONG length, std::uint64_t number) {
  if (data == nullptr || length == 0 || length == kUnavailable) return;
  auto& byte = static_cast<unsigned char*>(data)[number / 8 % length];
  byte = static_cast<unsigned char>(byte ^ (1U << (number % 8)));
}

}  // namespace

bool Call::asksLength() const {
  switch (shape().answer) {
    case Answer::Bytes:
    case Answer::List:
      return destination_.data == nullptr && destination_.length != nullptr;
    case Answer::Attributes:
      return std::ranges::any_of(attributesOf(destination_),
                                 [](const auto& attribute) { return attribute.pValue == nullptr; });
    default:
      return false;
  }
}

bool Call::fetches() const {
  switch (shape().answer) {
    case Answer::Bytes:
    case Answer::List:
      return destination_.data != nullptr && destination_.length != nullptr;
    case Answer::Random:
      return destination_.data != nullptr;
    case Answer::Attributes:
      return std::ranges::any_of(attributesOf(destination_),
                                 [](const auto& attribute) { return attribute.pValue != nullptr; });
    default:
      return false;
  }
}

CK_RV Call::refuseAsGrown(CK_ULONG by) const {
  if (destination_.length != nullptr) *destination_.length += by;
  if (shape().answer == Answer::Attributes) {
    for (auto& attribute : attributesOf(destination_)) {
      if (attribute.pValue != nullptr) attribute.ulValueLen = kUnavailable;
    }
  }
  return CKR_BUFFER_TOO_SMALL;
}

void Call::changeLength(std::int64_t by, CK_RV rv) const {
  if (shape().answer == Answer::Attributes) {
    // Attributes that could not be read have no length; leave those unchanged.
    for (auto& attribute : attributesOf(destination_)) {
      if (attribute.pValue == nullptr && attribute.ulValueLen != kUnavailable)
        attribute.ulValueLen = changed(attribute.ulValueLen, by);
    }
  } else if (rv == CKR_OK && asksLength()) {
    *destination_.length = changed(*destination_.length, by);
  }
}

void Call::flipBit(std::uint64_t number, CK_RV rv) const {
  if (rv != CKR_OK) return;
  switch (shape().answer) {
    case Answer::Bytes:
      if (destination_.length != nullptr) flip(destination_.data, *destination_.length, number);
      return;
    case Answer::Random:
      flip(destination_.data, destination_.count, number);
      return;
    case Answer::Attributes:
      for (auto& attribute : attributesOf(destination_)) {
        if (attribute.pValue == nullptr) continue;
        flip(attribute.pValue, attribute.ulValueLen, number);
        return;
      }
      return;
    default:
      return;
  }
}

}  // namespace cryptoki::fault
