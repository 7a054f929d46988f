// Calls that change the recorded state of sessions and logins, or need a step before the call.
#pragma once

#include "calls/key_check.h"
#include "calls/operation_effects.h"
#include "generated/calls.h"
#include "module/attachment.h"
#include "module/login_steps.h"

namespace cryptoki {

// Most functions: the call, and the upkeep of the parameter of its operation.
template <class Function>
struct Effect {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& /*attachment*/, Roles& roles, Invoke&& invoke) {
    return aroundOperation<Function>(roles, std::forward<Invoke>(invoke));
  }
};

template <>
struct Effect<fn::C_OpenSession> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_OpenSession::Roles& roles, Invoke&& invoke) {
    const CK_SLOT_ID slot = std::get<0>(roles).number;
    const bool readWrite = (std::get<1>(roles).number & CKF_RW_SESSION) != 0;
    std::shared_ptr<Session> session;
    return attachment.open(slot, readWrite, session, [&](CK_SESSION_HANDLE& handle) {
      const CK_RV rv = invoke();
      handle = std::get<4>(roles).handle;
      return rv;
    });
  }
};

template <>
struct Effect<fn::C_CloseSession> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_CloseSession::Roles& roles, Invoke&& /*invoke*/) {
    return attachment.close(std::get<0>(roles).session);
  }
};

// A context-specific login does not change the login state.
template <class Function>
struct LoginEffect {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& attachment, Roles& roles, Invoke&& invoke) {
    const CK_USER_TYPE user = std::get<1>(roles).number;
    if (user == CKU_CONTEXT_SPECIFIC) return invoke();
    return loginStep(attachment.module(), *std::get<0>(roles).session, user, std::get<2>(roles).absent,
                     std::forward<Invoke>(invoke));
  }
};
template <>
struct Effect<fn::C_Login> : LoginEffect<fn::C_Login> {};
template <>
struct Effect<fn::C_LoginUser> : LoginEffect<fn::C_LoginUser> {};

template <>
struct Effect<fn::C_Logout> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_Logout::Roles& roles, Invoke&& invoke) {
    return logoutStep(attachment.module(), *std::get<0>(roles).session, std::forward<Invoke>(invoke));
  }
};

// C_SignInit and C_VerifyInit.
template <class Function>
struct KeyedInitEffect {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& attachment, Roles& roles, Invoke&& invoke) {
    auto& session = *std::get<0>(roles).session;
    const CK_MECHANISM_TYPE mechanism = std::get<1>(roles).memory().type();
    constexpr KeyUse use = std::is_same_v<Function, fn::C_SignInit> ? KeyUse::Sign : KeyUse::Verify;
    KeyCheck keyCheck;
    const CK_RV rv = keyCheck.check(attachment.module(), session, use, mechanism, std::get<2>(roles).number);
    if (rv != CKR_OK) return rv;
    if constexpr (std::is_same_v<Function, fn::C_SignInit>) session.signing = mechanism;
    return aroundOperation<Function>(roles, std::forward<Invoke>(invoke));
  }
};
template <>
struct Effect<fn::C_SignInit> : KeyedInitEffect<fn::C_SignInit> {};
template <>
struct Effect<fn::C_VerifyInit> : KeyedInitEffect<fn::C_VerifyInit> {};

// A module may report a wrong MAC by an unrelated error.
template <class Function>
struct VerifyEffect {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& attachment, Roles& roles, Invoke&& invoke) {
    const auto parameter = std::get<0>(roles).session->parameter(OperationKind::Verify);
    const bool isOfMac = parameter && isMac(parameter->memory().type());
    const CK_RV rv = aroundOperation<Function>(roles, std::forward<Invoke>(invoke));
    return isOfMac && meansWrongMac(attachment.module(), rv) ? CKR_SIGNATURE_INVALID : rv;
  }
};
template <>
struct Effect<fn::C_Verify> : VerifyEffect<fn::C_Verify> {};
template <>
struct Effect<fn::C_VerifyFinal> : VerifyEffect<fn::C_VerifyFinal> {};

// NSS requires a buffer of exactly the length of an Ed25519 signature. For Ed448 the module asks for a larger
// one.
template <>
struct Effect<fn::C_Sign> {
  template <class Invoke>
  static CK_RV around(Attachment& /*attachment*/, fn::C_Sign::Roles& roles, Invoke&& invoke) {
    if (std::get<0>(roles).session->signing == CKM_EDDSA)
      std::get<2>(roles).prepareExactly(kEd25519Signature);
    return aroundOperation<fn::C_Sign>(roles, std::forward<Invoke>(invoke));
  }
};

template <>
struct Effect<fn::C_SetAttributeValue> {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& attachment, Roles& /*roles*/, Invoke&& invoke) {
    const auto alone = attachment.module().changingAttributes();
    return invoke();
  }
};

template <>
struct Effect<fn::C_GetSessionInfo> {
  template <class Invoke>
  static CK_RV around(Attachment& /*attachment*/, fn::C_GetSessionInfo::Roles& roles, Invoke&& invoke) {
    TokenState& token = std::get<0>(roles).session->token();
    const std::uint64_t version = token.version();
    const CK_RV rv = invoke();
    if (rv == CKR_OK) token.adopt(std::get<1>(roles).structure.state, version);
    return rv;
  }
};

}  // namespace cryptoki
