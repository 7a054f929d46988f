// NSS 3.87 jumps to memory that it has never written when C_SignInit or C_VerifyInit of a MAC cannot read the
// CKA_VALUE of the key: an RSA key has none, and that of a secret key on the token needs the login. So both
// are looked at before the call there (Quirks::macsCrashOnOtherKeys).
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "module/module.h"

namespace cryptoki {

constexpr bool isMac(CK_MECHANISM_TYPE mechanism) {
  constexpr std::array kMacs{
      CKM_MD2_HMAC,      CKM_MD2_HMAC_GENERAL,      CKM_MD5_HMAC,      CKM_MD5_HMAC_GENERAL,
      CKM_SHA_1_HMAC,    CKM_SHA_1_HMAC_GENERAL,    CKM_SHA224_HMAC,   CKM_SHA224_HMAC_GENERAL,
      CKM_SHA256_HMAC,   CKM_SHA256_HMAC_GENERAL,   CKM_SHA384_HMAC,   CKM_SHA384_HMAC_GENERAL,
      CKM_SHA512_HMAC,   CKM_SHA512_HMAC_GENERAL,   CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL,
      CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL,
      CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, CKM_AES_CMAC,      CKM_AES_CMAC_GENERAL,
      CKM_SSL3_MD5_MAC,  CKM_SSL3_SHA1_MAC,         CKM_TLS_MAC,
  };
  return std::find(kMacs.begin(), kMacs.end(), mechanism) != kMacs.end();
}

// For as long as the Init function takes: nobody logs out meanwhile.
class MacKeyCheck {
 public:
  // CKR_OK, or what C_SignInit would have to return.
  CK_RV check(const Module& module, const Session& session, CK_MECHANISM_TYPE mechanism,
              CK_OBJECT_HANDLE key) {
    // Those of vendors are asked, too: NSS has MACs of its own.
    if (!module.macsCrashOnOtherKeys() || (!isMac(mechanism) && mechanism < CKM_VENDOR_DEFINED))
      return CKR_OK;
    pass_.emplace(session.token().logins, Gate::Kind::Shared);
    const auto objectClass = ask<CK_ULONG>(module, session, key, CKA_CLASS);
    const auto isTokenObject = ask<CK_BBOOL>(module, session, key, CKA_TOKEN);
    if (!objectClass || !isTokenObject) return CKR_KEY_HANDLE_INVALID;
    if (*objectClass != CKO_SECRET_KEY) return CKR_KEY_TYPE_INCONSISTENT;
    if (*isTokenObject == CK_FALSE || session.token().login() != Login::None) return CKR_OK;
    CK_TOKEN_INFO info{};
    const CK_RV rv = module.call<&CK_FUNCTION_LIST_3_2::C_GetTokenInfo>(session.token().slot(), &info);
    if (rv != CKR_OK) return rv;
    return (info.flags & CKF_LOGIN_REQUIRED) == 0 ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
  }

 private:
  template <class T>
  static std::optional<T> ask(const Module& module, const Session& session, CK_OBJECT_HANDLE key,
                              CK_ATTRIBUTE_TYPE type) {
    T value{};
    CK_ATTRIBUTE attribute{type, nullptr, 0};
    const auto call = [&] {
      return module.call<&CK_FUNCTION_LIST_3_2::C_GetAttributeValue>(session.handle(), key, &attribute,
                                                                     CK_ULONG{1});
    };
    if (call() != CKR_OK || attribute.ulValueLen != sizeof value) return std::nullopt;
    attribute.pValue = &value;
    return call() == CKR_OK ? std::optional(value) : std::nullopt;
  }

  std::optional<Gate::Pass> pass_;
};

}  // namespace cryptoki
