// ECDSA signatures in other forms than in PKCS#11 (two halves of the same length).
#include <algorithm>
#include <array>
#include <cstring>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

using Bytes = std::vector<CK_BYTE>;
using Half = std::span<const CK_BYTE>;

bool isEcdsa(const OddCall& odd) {
  static constexpr std::array kMechanisms{
      CKM_ECDSA,        CKM_ECDSA_SHA1,     CKM_ECDSA_SHA224,   CKM_ECDSA_SHA256,   CKM_ECDSA_SHA384,
      CKM_ECDSA_SHA512, CKM_ECDSA_SHA3_224, CKM_ECDSA_SHA3_256, CKM_ECDSA_SHA3_384, CKM_ECDSA_SHA3_512};
  return std::ranges::find(kMechanisms, odd.memory().signing) != kMechanisms.end();
}

Half withoutZeros(Half half) {
  while (half.size() > 1 && half.front() == 0) half = half.subspan(1);
  return half;
}

// Appends tag and length of a DER element of at most 255 bytes.
void appendHeader(Bytes& to, CK_BYTE tag, std::size_t length) {
  to.push_back(tag);
  if (length > 127) to.push_back(0x81);
  to.push_back(static_cast<CK_BYTE>(length));
}

void appendInteger(Bytes& to, Half half) {
  half = withoutZeros(half);
  const bool isNegative = (half.front() & 0x80U) != 0;
  appendHeader(to, 0x02, half.size() + (isNegative ? 1 : 0));
  if (isNegative) to.push_back(0);
  to.insert(to.end(), half.begin(), half.end());
}

Bytes derOf(Half signature) {
  Bytes integers;
  appendInteger(integers, signature.first(signature.size() / 2));
  appendInteger(integers, signature.last(signature.size() / 2));
  Bytes result;
  appendHeader(result, 0x30, integers.size());
  result.insert(result.end(), integers.begin(), integers.end());
  return result;
}

// The maximal length of a signature in DER, from its length in PKCS#11.
CK_ULONG longestDer(CK_ULONG length) {
  const CK_ULONG integers = length + 6;
  return integers + (integers > 127 ? 3 : 2);
}

CK_RV answer(const OddCall& odd, const Bytes& signature) {
  std::memcpy(odd.destination().data, signature.data(), signature.size());
  *odd.destination().length = static_cast<CK_ULONG>(signature.size());
  return CKR_OK;
}

CK_RV signDer(OddCall& odd) {
  CK_ULONG* length = odd.destination().length;
  if (!isEcdsa(odd) || length == nullptr) return odd.proceed();
  CK_ULONG needed = 0;
  CK_RV rv = odd.askLength(needed);
  if (rv != CKR_OK) return rv;
  const bool isTooSmall = odd.call().fetches() && *length < longestDer(needed);
  if (!odd.call().fetches() || isTooSmall) {
    *length = longestDer(needed);
    return isTooSmall ? CKR_BUFFER_TOO_SMALL : CKR_OK;
  }
  Bytes signature;
  rv = odd.fetch(signature);
  return rv == CKR_OK ? answer(odd, derOf(signature)) : rv;
}

CK_RV signShort(OddCall& odd) {
  if (!isEcdsa(odd)) return odd.proceed();
  Bytes signature;
  CK_RV rv = CKR_OK;
  if (!odd.fetchFitting(signature, rv)) return rv;
  const Half whole = signature;
  Bytes result;
  for (const Half half : {whole.first(whole.size() / 2), whole.last(whole.size() / 2)}) {
    const Half kept = withoutZeros(half);
    result.insert(result.end(), kept.begin(), kept.end());
  }
  return answer(odd, result);
}

// The refusal ends the operation, like any error.
CK_RV refuseLongData(OddCall& odd) {
  const auto& [session, data, length, signature, room] = odd.arguments<Function::C_Sign>();
  if (odd.memory().signing != CKM_ECDSA || !odd.call().fetches()) return odd.proceed();
  CK_ULONG needed = 0;
  CK_RV rv = odd.askLength(needed);
  if (rv != CKR_OK) return rv;
  if (length <= needed / 2) return odd.proceed();
  Bytes unused;
  rv = odd.fetch(unused);
  return rv == CKR_OK ? odd.code() : rv;
}

constexpr std::array kActions{
    OddityAction{Oddity::EcdsaStrict, &refuseLongData},
    OddityAction{Oddity::EcdsaDer, &signDer},
    OddityAction{Oddity::EcdsaShort, &signShort},
};

}  // namespace

std::span<const OddityAction> signatureOddities() { return kActions; }

}  // namespace cryptoki::fault
