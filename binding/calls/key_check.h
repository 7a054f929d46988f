// Some modules crash when the type of the key does not fit the mechanism, although C_SignInit or C_VerifyInit
// should return CKR_KEY_TYPE_INCONSISTENT. For those modules and mechanisms the key is checked before the
// call.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "calls/mac.h"
#include "module/module.h"

namespace cryptoki {

constexpr bool isDsa(CK_MECHANISM_TYPE mechanism) {
  constexpr std::array kDsa{CKM_DSA,        CKM_DSA_SHA1,   CKM_DSA_SHA224,
                            CKM_DSA_SHA256, CKM_DSA_SHA384, CKM_DSA_SHA512};
  return std::find(kDsa.begin(), kDsa.end(), mechanism) != kDsa.end();
}

// The RSA signature mechanisms of SoftHSM2.
constexpr bool isRsaSignature(CK_MECHANISM_TYPE mechanism) {
  constexpr std::array kRsa{
      CKM_RSA_PKCS,
      CKM_RSA_X_509,
      CKM_RSA_PKCS_PSS,
      CKM_MD5_RSA_PKCS,
      CKM_SHA1_RSA_PKCS,
      CKM_SHA224_RSA_PKCS,
      CKM_SHA256_RSA_PKCS,
      CKM_SHA384_RSA_PKCS,
      CKM_SHA512_RSA_PKCS,
      CKM_SHA1_RSA_PKCS_PSS,
      CKM_SHA224_RSA_PKCS_PSS,
      CKM_SHA256_RSA_PKCS_PSS,
      CKM_SHA384_RSA_PKCS_PSS,
      CKM_SHA512_RSA_PKCS_PSS,
  };
  return std::find(kRsa.begin(), kRsa.end(), mechanism) != kRsa.end();
}

enum class KeyUse : unsigned char { Sign, Verify };

// Lives as long as the Init call: no login or logout can happen between check and call.
class KeyCheck {
 public:
  // Returns CKR_OK, or the error that the Init function should return.
  CK_RV check(const Module& module, const Session& session, KeyUse use, CK_MECHANISM_TYPE mechanism,
              CK_OBJECT_HANDLE key) {
    if (module.macsCrashOnOtherKeys() && isMac(mechanism)) return checkMac(module, session, key);
    if (module.signaturesCrashOnOtherKeys()) {
      if (isDsa(mechanism)) return checkType(module, session, key, CKK_DSA);
      if (use == KeyUse::Verify && isRsaSignature(mechanism)) return checkType(module, session, key, CKK_RSA);
    }
    return CKR_OK;
  }

 private:
  // NSS 3.87 jumps to uninitialised memory when it cannot read the CKA_VALUE of a MAC key: an RSA key has
  // none, and reading that of a secret key on the token requires a login.
  CK_RV checkMac(const Module& module, const Session& session, CK_OBJECT_HANDLE key) {
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

  // SoftHSM2 2.6.1 reads numbers that a key of another type does not have: C_Sign with DSA, and C_Verify with
  // RSA and an empty signature, crash or end the process. If the key type cannot be read, the Init function
  // refuses the key itself.
  CK_RV checkType(const Module& module, const Session& session, CK_OBJECT_HANDLE key, CK_ULONG type) {
    pass_.emplace(session.token().logins, Gate::Kind::Shared);
    const auto keyType = ask<CK_ULONG>(module, session, key, CKA_KEY_TYPE);
    return keyType && *keyType != type ? CKR_KEY_TYPE_INCONSISTENT : CKR_OK;
  }

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
