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
    Curve{"\x06\x03\x2b\x65\x70"sv, "edwards25519"sv},
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

void makeCompressed(CK_ATTRIBUTE_TYPE type, Bytes& value) {
  if (type != CKA_EC_POINT) return;
  const auto point = pointIn(value);
  if (point.empty() || point[0] != 0x04) return;  // not uncompressed
  const std::size_t size = point.size() / 2;      // of a coordinate
  Bytes result{0x04, static_cast<CK_BYTE>(size + 1), static_cast<CK_BYTE>(0x02 | (point.back() & 1))};
  result.insert(result.end(), point.begin() + 1, point.begin() + 1 + static_cast<std::ptrdiff_t>(size));
  value = std::move(result);
}

// ECParameters in DER: prime field, equation, generator, order, cofactor.
constexpr std::string_view kExplicitP256 =
    "3081f7020101302c06072a8648ce3d0101022100ffffffff00000001000000000000000000000000ffffffffffffffff"
    "ffffffff305b0420ffffffff00000001000000000000000000000000fffffffffffffffffffffffc04205ac635d8aa3a"
    "93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f7e"
    "900441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a"
    "7c0f9e162bce33576b315ececbb6406837bf51f5022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3"
    "b9cac2fc632551020101";
constexpr std::string_view kExplicitP521 =
    "308201c3020101304d06072a8648ce3d0101024201ffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff30819f044201ffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "fffffffffffffffffffffffffc04420051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109"
    "e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00031500d09e8800291cb85396cc6717"
    "393284aaa0da64ba0481850400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b"
    "5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb42c7d1bd9"
    "98f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650"
    "024201fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148"
    "f709a5d03bb5c9b8899c47aebb6fb71e91386409020101";

CK_BYTE digit(char letter) { return static_cast<CK_BYTE>(letter <= '9' ? letter - '0' : letter - 'a' + 10); }

void makeExplicit(CK_ATTRIBUTE_TYPE type, Bytes& value) {
  if (type != CKA_EC_PARAMS) return;
  const std::string_view identifier(reinterpret_cast<const char*>(value.data()), value.size());
  const bool isP256 = identifier == kCurves[0].identifier;
  if (!isP256 && identifier != kCurves[2].identifier) return;
  const std::string_view text = isP256 ? kExplicitP256 : kExplicitP521;
  value.clear();
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    value.push_back(static_cast<CK_BYTE>(digit(text[i]) << 4 | digit(text[i + 1])));
}

CK_RV hideParameters(OddCall& odd) {
  return answerAttributes(odd, {.hides = [](CK_ATTRIBUTE_TYPE type) { return type == CKA_EC_PARAMS; }});
}

template <void (*Change)(CK_ATTRIBUTE_TYPE, Bytes&)>
CK_RV encode(OddCall& odd) {
  return answerAttributes(odd, {.change = Change});
}

constexpr std::array kActions{
    OddityAction{Oddity::EcPointRaw, &encode<&makeRaw>},
    OddityAction{Oddity::EcPointBitString, &encode<&makeBitString>},
    OddityAction{Oddity::EcPointCoordinates, &encode<&makeCoordinates>},
    OddityAction{Oddity::EcPointCompressed, &encode<&makeCompressed>},
    OddityAction{Oddity::EcParamsName, &encode<&makeName>},
    OddityAction{Oddity::EcParamsExplicit, &encode<&makeExplicit>},
    OddityAction{Oddity::EcParamsMissing, &hideParameters},
};

}  // namespace

std::span<const OddityAction> curveOddities() { return kActions; }

}  // namespace cryptoki::fault
