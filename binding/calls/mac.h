// Message authentication codes: the mechanisms that make them, and the results of modules for wrong ones.
#pragma once

#include <algorithm>
#include <array>

#include "module/module.h"

namespace cryptoki {

// Mechanisms of NSS: CKM_NSS_HMAC_CONSTANT_TIME and CKM_NSS_SSL3_MAC_CONSTANT_TIME.
inline constexpr CK_MECHANISM_TYPE kNssHmacConstantTime = 0xCE534363UL;
inline constexpr CK_MECHANISM_TYPE kNssSsl3MacConstantTime = 0xCE534364UL;

constexpr bool isMac(CK_MECHANISM_TYPE mechanism) {
  constexpr std::array kMacs{
      CKM_MD2_HMAC,
      CKM_MD2_HMAC_GENERAL,
      CKM_MD5_HMAC,
      CKM_MD5_HMAC_GENERAL,
      CKM_SHA_1_HMAC,
      CKM_SHA_1_HMAC_GENERAL,
      CKM_SHA224_HMAC,
      CKM_SHA224_HMAC_GENERAL,
      CKM_SHA256_HMAC,
      CKM_SHA256_HMAC_GENERAL,
      CKM_SHA384_HMAC,
      CKM_SHA384_HMAC_GENERAL,
      CKM_SHA512_HMAC,
      CKM_SHA512_HMAC_GENERAL,
      CKM_SHA512_224_HMAC,
      CKM_SHA512_224_HMAC_GENERAL,
      CKM_SHA512_256_HMAC,
      CKM_SHA512_256_HMAC_GENERAL,
      CKM_SHA3_224_HMAC,
      CKM_SHA3_224_HMAC_GENERAL,
      CKM_SHA3_256_HMAC,
      CKM_SHA3_256_HMAC_GENERAL,
      CKM_SHA3_384_HMAC,
      CKM_SHA3_384_HMAC_GENERAL,
      CKM_SHA3_512_HMAC,
      CKM_SHA3_512_HMAC_GENERAL,
      CKM_RIPEMD128_HMAC,
      CKM_RIPEMD128_HMAC_GENERAL,
      CKM_RIPEMD160_HMAC,
      CKM_RIPEMD160_HMAC_GENERAL,
      CKM_BLAKE2B_160_HMAC,
      CKM_BLAKE2B_160_HMAC_GENERAL,
      CKM_BLAKE2B_256_HMAC,
      CKM_BLAKE2B_256_HMAC_GENERAL,
      CKM_BLAKE2B_384_HMAC,
      CKM_BLAKE2B_384_HMAC_GENERAL,
      CKM_BLAKE2B_512_HMAC,
      CKM_BLAKE2B_512_HMAC_GENERAL,
      CKM_DES_MAC,
      CKM_DES_MAC_GENERAL,
      CKM_DES3_MAC,
      CKM_DES3_MAC_GENERAL,
      CKM_DES3_CMAC,
      CKM_DES3_CMAC_GENERAL,
      CKM_AES_MAC,
      CKM_AES_MAC_GENERAL,
      CKM_AES_CMAC,
      CKM_AES_CMAC_GENERAL,
      CKM_AES_XCBC_MAC,
      CKM_AES_XCBC_MAC_96,
      CKM_CAMELLIA_MAC,
      CKM_CAMELLIA_MAC_GENERAL,
      CKM_ARIA_MAC,
      CKM_ARIA_MAC_GENERAL,
      CKM_SEED_MAC,
      CKM_SEED_MAC_GENERAL,
      CKM_SSL3_MD5_MAC,
      CKM_SSL3_SHA1_MAC,
      CKM_TLS_MAC,
      kNssHmacConstantTime,
      kNssSsl3MacConstantTime,
  };
  return std::find(kMacs.begin(), kMacs.end(), mechanism) != kMacs.end();
}

// Returns true if an unrelated error of C_Verify or C_VerifyFinal means that the MAC is wrong.
inline bool meansWrongMac(const Module& module, CK_RV rv) {
  constexpr std::array kOthers{
      CKR_OK,
      CKR_PENDING,
      CKR_SESSION_HANDLE_INVALID,
      CKR_SESSION_CLOSED,
      CKR_DEVICE_REMOVED,
      CKR_TOKEN_NOT_PRESENT,
      CKR_OPERATION_NOT_INITIALIZED,
      CKR_CRYPTOKI_NOT_INITIALIZED,
      CKR_USER_NOT_LOGGED_IN,
      CKR_FUNCTION_CANCELED,
  };
  return module.verifyReportsLastError() && std::find(kOthers.begin(), kOthers.end(), rv) == kOthers.end();
}

}  // namespace cryptoki
