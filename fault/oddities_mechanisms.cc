// Tokens with fewer mechanisms.
#include <algorithm>
#include <array>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

// RSA operations with padding or a digest in the token. Key generation is not hidden.
bool isHidden(CK_MECHANISM_TYPE mechanism) {
  static constexpr std::array kMechanisms{
      CKM_RSA_9796,
      CKM_RSA_X_509,
      CKM_RSA_PKCS_OAEP,
      CKM_RSA_PKCS_PSS,
      CKM_MD5_RSA_PKCS,
      CKM_SHA1_RSA_PKCS,
      CKM_SHA1_RSA_PKCS_PSS,
      CKM_SHA224_RSA_PKCS,
      CKM_SHA256_RSA_PKCS,
      CKM_SHA384_RSA_PKCS,
      CKM_SHA512_RSA_PKCS,
      CKM_SHA224_RSA_PKCS_PSS,
      CKM_SHA256_RSA_PKCS_PSS,
      CKM_SHA384_RSA_PKCS_PSS,
      CKM_SHA512_RSA_PKCS_PSS,
  };
  return std::ranges::find(kMechanisms, mechanism) != kMechanisms.end();
}

CK_RV listFewer(OddCall& odd) {
  const auto [slot, list, count] = odd.arguments<Function::C_GetMechanismList>();
  if (count == nullptr) return odd.proceed();
  std::vector<CK_MECHANISM_TYPE> all(1000);  // more than any module has
  auto length = static_cast<CK_ULONG>(all.size());
  odd.call().redirect(all.data(), &length);
  const CK_RV rv = odd.proceed();
  odd.call().redirect(list, count);
  if (rv != CKR_OK) return rv;
  all.resize(length);
  std::erase_if(all, isHidden);
  const CK_ULONG room = *count;
  *count = static_cast<CK_ULONG>(all.size());
  if (list == nullptr) return CKR_OK;
  if (room < all.size()) return CKR_BUFFER_TOO_SMALL;
  std::ranges::copy(all, list);
  return CKR_OK;
}

template <Function F>
CK_RV refuseHidden(OddCall& odd) {
  const CK_MECHANISM* mechanism = std::get<1>(odd.arguments<F>());
  const bool refuses = mechanism != nullptr && isHidden(mechanism->mechanism);
  return refuses ? CKR_MECHANISM_INVALID : odd.proceed();
}

CK_RV offerOnlyPkcs(OddCall& odd) {
  switch (odd.function()) {
    case Function::C_GetMechanismList:
      return listFewer(odd);
    case Function::C_GetMechanismInfo:
      return isHidden(std::get<1>(odd.arguments<Function::C_GetMechanismInfo>())) ? CKR_MECHANISM_INVALID
                                                                                  : odd.proceed();
    case Function::C_SignInit:
      return refuseHidden<Function::C_SignInit>(odd);
    case Function::C_VerifyInit:
      return refuseHidden<Function::C_VerifyInit>(odd);
    case Function::C_EncryptInit:
      return refuseHidden<Function::C_EncryptInit>(odd);
    case Function::C_DecryptInit:
      return refuseHidden<Function::C_DecryptInit>(odd);
    default:
      return odd.proceed();
  }
}

constexpr std::array kActions{OddityAction{Oddity::RsaPkcsOnly, &offerOnlyPkcs}};

}  // namespace

std::span<const OddityAction> mechanismOddities() { return kActions; }

}  // namespace cryptoki::fault
