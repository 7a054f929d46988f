// Checks a key before the Init function of a signature or MAC, for modules that crash when the key does not
// fit the mechanism (Quirks::requiredKey).
#pragma once

#include <optional>

#include "module/module.h"

namespace cryptoki {

// Lives as long as the Init call: no login or logout can happen between check and call.
class KeyCheck {
 public:
  // Returns CKR_OK, or the error that the Init function should return.
  CK_RV check(const Module& module, const Session& session, KeyUse use, CK_MECHANISM_TYPE mechanism,
              CK_OBJECT_HANDLE key) {
    switch (module.quirks().requiredKey(use, mechanism)) {
      case RequiredKey::ReadableSecret:
        return checkReadable(module, session, key);
      case RequiredKey::Dsa:
        return checkType(module, session, key, CKK_DSA);
      case RequiredKey::Rsa:
        return checkType(module, session, key, CKK_RSA);
      case RequiredKey::Any:
        break;
    }
    return CKR_OK;
  }

 private:
  // The module must be able to read the value of the key. That of a key on the token may require a login.
  CK_RV checkReadable(const Module& module, const Session& session, CK_OBJECT_HANDLE key) {
    pass_.emplace(session.token().logins, Gate::Mode::Shared);
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

  // If the key type cannot be read, the Init function refuses the key itself.
  CK_RV checkType(const Module& module, const Session& session, CK_OBJECT_HANDLE key, CK_ULONG type) {
    pass_.emplace(session.token().logins, Gate::Mode::Shared);
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
