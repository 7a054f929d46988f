// The mechanisms that make message authentication codes.
#pragma once

#include <algorithm>
#include <array>

#include "module/quirks.h"

namespace cryptoki {

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

}  // namespace cryptoki
