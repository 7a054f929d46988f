// Calls that change the recorded state of sessions and logins, or need a step before the call.
#pragma once

#include "calls/key_check.h"
#include "calls/operation_bookkeeping.h"
#include "generated/calls.h"
#include "module/attachment.h"
#include "module/login_steps.h"
#include "module/mac.h"

namespace cryptoki {

// Most functions: the call, and the upkeep of the parameter of its operation.
template <class Function>
struct Bookkeeping {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& /*attachment*/, Roles& roles, Invoke&& invoke) {
    return aroundOperation<Function>(roles, std::forward<Invoke>(invoke));
  }
};

template <>
struct Bookkeeping<fn::C_OpenSession> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_OpenSession::Roles& roles, Invoke&& invoke) {
    const bool readWrite = (roles.flags.number & CKF_RW_SESSION) != 0;
    std::shared_ptr<Session> session;
    return attachment.open(roles.slot.number, readWrite, session, [&](CK_SESSION_HANDLE& handle) {
      const CK_RV rv = invoke();
      handle = roles.session.handle;
      return rv;
    });
  }
};

template <>
struct Bookkeeping<fn::C_CloseSession> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_CloseSession::Roles& roles, Invoke&& /*invoke*/) {
    return attachment.close(roles.session.session);
  }
};

// A context-specific login does not change the login state.
template <class Function>
struct LoginBookkeeping {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& attachment, Roles& roles, Invoke&& invoke) {
    const CK_USER_TYPE user = roles.userType.number;
    if (user == CKU_CONTEXT_SPECIFIC) return invoke();
    return loginStep(attachment.module(), *roles.session.session, user, roles.pin.absent,
                     std::forward<Invoke>(invoke));
  }
};
template <>
struct Bookkeeping<fn::C_Login> : LoginBookkeeping<fn::C_Login> {};
template <>
struct Bookkeeping<fn::C_LoginUser> : LoginBookkeeping<fn::C_LoginUser> {};

template <>
struct Bookkeeping<fn::C_Logout> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_Logout::Roles& roles, Invoke&& invoke) {
    return logoutStep(attachment.module(), *roles.session.session, std::forward<Invoke>(invoke));
  }
};

// C_SignInit and C_VerifyInit.
template <class Function>
struct KeyedInitBookkeeping {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& attachment, Roles& roles, Invoke&& invoke) {
    auto& session = *roles.session.session;
    const CK_MECHANISM_TYPE mechanism = roles.mechanism.memory().type();
    constexpr KeyUse use = std::is_same_v<Function, fn::C_SignInit> ? KeyUse::Sign : KeyUse::Verify;
    KeyCheck keyCheck;
    const CK_RV rv = keyCheck.check(attachment.module(), session, use, mechanism, roles.key.number);
    if (rv != CKR_OK) return rv;
    if constexpr (std::is_same_v<Function, fn::C_SignInit>) session.signing = mechanism;
    return aroundOperation<Function>(roles, std::forward<Invoke>(invoke));
  }
};
template <>
struct Bookkeeping<fn::C_SignInit> : KeyedInitBookkeeping<fn::C_SignInit> {};
template <>
struct Bookkeeping<fn::C_VerifyInit> : KeyedInitBookkeeping<fn::C_VerifyInit> {};

// A module may report a wrong MAC by an unrelated error.
template <class Function>
struct VerifyBookkeeping {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& attachment, Roles& roles, Invoke&& invoke) {
    const auto parameter = roles.session.session->parameter(OperationKind::Verify);
    const bool isOfMac = parameter && isMac(parameter->memory().type());
    const CK_RV rv = aroundOperation<Function>(roles, std::forward<Invoke>(invoke));
    return isOfMac && attachment.module().quirks().meansWrongMac(rv) ? CKR_SIGNATURE_INVALID : rv;
  }
};
template <>
struct Bookkeeping<fn::C_Verify> : VerifyBookkeeping<fn::C_Verify> {};
template <>
struct Bookkeeping<fn::C_VerifyFinal> : VerifyBookkeeping<fn::C_VerifyFinal> {};

template <>
struct Bookkeeping<fn::C_Sign> {
  template <class Invoke>
  static CK_RV around(Attachment& /*attachment*/, fn::C_Sign::Roles& roles, Invoke&& invoke) {
    roles.signature.prepareFor(roles.session.session->signing);
    return aroundOperation<fn::C_Sign>(roles, std::forward<Invoke>(invoke));
  }
};

template <>
struct Bookkeeping<fn::C_SetAttributeValue> {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& attachment, Roles& /*roles*/, Invoke&& invoke) {
    const auto alone = attachment.module().changingAttributes();
    return invoke();
  }
};

template <>
struct Bookkeeping<fn::C_GetSessionInfo> {
  template <class Invoke>
  static CK_RV around(Attachment& /*attachment*/, fn::C_GetSessionInfo::Roles& roles, Invoke&& invoke) {
    TokenState& token = roles.session.session->token();
    const std::uint64_t version = token.version();
    const CK_RV rv = invoke();
    if (rv == CKR_OK) token.adopt(roles.info.structure.state, version);
    return rv;
  }
};

}  // namespace cryptoki
