// Points and curves in other encodings than the module's DER of an OCTET STRING and an OBJECT IDENTIFIER.
#include <algorithm>
#include <array>
#include <string_view>

#include "fault/odd_attributes.h"

namespace cryptoki::fault {
namespace {

using namespace std::string_view_literals;

// The point within its OCTET STRING; the whole value if it is not in one. Points of known curves are shorter
// than 256 bytes.
std::span<const CK_BYTE> pointIn(const Bytes& value) {
  const std::span<const CK_BYTE> whole = value;
  if (whole.size() < 3 || whole[0] != 0x04) return whole;
  const std::size_t header = whole[1] == 0x81 ? 3 : 2;
  const std::size_t length = whole[header - 1];
  return length == whole.size() - header ? whole.subspan(header) : whole;
}

void makeRaw(CK_ATTRIBUTE_TYPE type, Bytes& value) {
  if (type != CKA_EC_POINT) return;
  const auto point = pointIn(value);
  value = Bytes(point.begin(), point.end());
}

void makeBitString(CK_ATTRIBUTE_TYPE type, Bytes& value) {
  if (type != CKA_EC_POINT) return;
  const auto point = pointIn(value);
  const std::size_t length = point.size() + 1;  // the number of unused bits comes first
  Bytes result{0x03};
  if (length > 127) result.push_back(0x81);
  result.push_back(static_cast<CK_BYTE>(length));
  result.push_back(0);
  result.insert(result.end(), point.begin(), point.end());
  value = std::move(result);
}

void makeCoordinates(CK_ATTRIBUTE_TYPE type, Bytes& value) {
  if (type != CKA_EC_POINT) return;
  const auto point = pointIn(value);
  if (point.empty() || point[0] != 0x04) return;  // not uncompressed
  value = Bytes(point.begin() + 1, point.end());
}

struct Curve {
  std::string_view identifier;  // DER
  std::string_view name;
};

constexpr std::array kCurves{
    Curve{"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"sv, "secp256r1"sv},
    Curve{"\x06\x05\x2b\x81\x04\x00\x22"sv, "secp384r1"sv},
    Curve{"\x06\x05\x2b\x81\x04\x00\x23"sv, "secp521r1"sv},
    Curve{"\x06\x05\x2b\x81\x04\x00\x0a"sv, "secp256k1"sv},
};

void makeName(CK_ATTRIBUTE_TYPE type, Bytes& value) {
  if (type != CKA_EC_PARAMS) return;
  const std::string_view identifier(reinterpret_cast<const char*>(value.data()), value.size());
  const auto* curve = std::ranges::find(kCurves, identifier, &Curve::identifier);
  if (curve == kCurves.end()) return;
  const std::string_view name = curve->name;
  value = {0x13, static_cast<CK_BYTE>(name.size())};  // PrintableString
  value.insert(value.end(), name.begin(), name.end());
}

template <void (*Change)(CK_ATTRIBUTE_TYPE, Bytes&)>
CK_RV encode(OddCall& odd) {
  return answerAttributes(odd, {.change = Change});
}

constexpr std::array kActions{
    OddityAction{Oddity::EcPointRaw, &encode<&makeRaw>},
    OddityAction{Oddity::EcPointBitString, &encode<&makeBitString>},
    OddityAction{Oddity::EcPointCoordinates, &encode<&makeCoordinates>},
    OddityAction{Oddity::EcParamsName, &encode<&makeName>},
};

}  // namespace

std::span<const OddityAction> curveOddities() { return kActions; }

}  // namespace cryptoki::fault
