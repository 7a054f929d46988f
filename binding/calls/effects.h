// What a few calls change beyond their result: the sessions and the login that the process knows of.
#pragma once

#include "generated/calls.h"
#include "module/attachment.h"

namespace cryptoki {

// Most functions: the call and nothing else.
template <class Function>
struct Effect {
  template <class Roles, class Invoke>
  static CK_RV around(Attachment& /*attachment*/, Roles& /*roles*/, Invoke&& invoke) {
    return invoke();
  }
};

// What an error says of the session and the login beyond the call: the session was closed, or the login
// ended, by something else (a pulled token, another library).
inline void noteFailure(Attachment& attachment, const std::shared_ptr<Session>& session, CK_RV rv) {
  if (rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED) {
    session->token().doubtful = true;
    attachment.module().closed(*session);
    attachment.forget(session);
  }
  const bool objectGone = rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID;
  if ((rv == CKR_USER_NOT_LOGGED_IN || objectGone) && session->token().login() != Login::None)
    attachment.module().refreshLogin(*session);
}

template <>
struct Effect<fn::C_OpenSession> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_OpenSession::Roles& roles, Invoke&& invoke) {
    Module& module = attachment.module();
    const CK_SLOT_ID slot = std::get<0>(roles).number;
    const bool readWrite = (std::get<1>(roles).number & CKF_RW_SESSION) != 0;
    const CK_SESSION_HANDLE& handle = std::get<4>(roles).handle;
    const auto token = module.token(slot);
    std::shared_lock opening(token->opening);
    const CK_RV rv = invoke();
    if (rv != CKR_OK) return rv;
    const auto session = module.opened(handle, slot, readWrite);
    if (attachment.opened(session)) return CKR_OK;
    module.call<&CK_FUNCTION_LIST_3_2::C_CloseSession>(handle);
    module.closed(*session);
    return CKR_CRYPTOKI_NOT_INITIALIZED;
  }
};

template <>
struct Effect<fn::C_CloseSession> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_CloseSession::Roles& roles, Invoke&& invoke) {
    const CK_RV rv = invoke();
    if (rv == CKR_OK) {
      attachment.module().closed(*std::get<0>(roles).session);
      attachment.forget(std::get<0>(roles).session);
    }
    return rv;
  }
};

// C_Login and C_LoginUser. Context-specific login changes no state.
inline void noteLogin(Module& module, const Session& session, CK_USER_TYPE user, CK_RV rv) {
  if (rv == CKR_OK && user == CKU_SO) session.token().loggedIn(Login::SecurityOfficer);
  if (rv == CKR_OK && user != CKU_SO && user != CKU_CONTEXT_SPECIFIC) session.token().loggedIn(Login::User);
  if (rv == CKR_USER_ALREADY_LOGGED_IN || rv == CKR_USER_ANOTHER_ALREADY_LOGGED_IN)
    module.refreshLogin(session);
}

template <>
struct Effect<fn::C_Login> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_Login::Roles& roles, Invoke&& invoke) {
    const CK_RV rv = invoke();
    noteLogin(attachment.module(), *std::get<0>(roles).session, std::get<1>(roles).number, rv);
    return rv;
  }
};

template <>
struct Effect<fn::C_LoginUser> {
  template <class Invoke>
  static CK_RV around(Attachment& attachment, fn::C_LoginUser::Roles& roles, Invoke&& invoke) {
    const CK_RV rv = invoke();
    noteLogin(attachment.module(), *std::get<0>(roles).session, std::get<1>(roles).number, rv);
    return rv;
  }
};

template <>
struct Effect<fn::C_SignInit> {
  template <class Invoke>
  static CK_RV around(Attachment& /*attachment*/, fn::C_SignInit::Roles& roles, Invoke&& invoke) {
    std::get<0>(roles).session->signing = std::get<1>(roles).mechanism.type();
    return invoke();
  }
};

// NSS wants a buffer of exactly the length of an Ed25519 signature. For Ed448 the module asks for more.
template <>
struct Effect<fn::C_Sign> {
  template <class Invoke>
  static CK_RV around(Attachment& /*attachment*/, fn::C_Sign::Roles& roles, Invoke&& invoke) {
    constexpr std::size_t kEd25519 = 64;
    if (std::get<0>(roles).session->signing == CKM_EDDSA) std::get<2>(roles).buffer.resize(kEd25519);
    return invoke();
  }
};

template <>
struct Effect<fn::C_GetSessionInfo> {
  template <class Invoke>
  static CK_RV around(Attachment& /*attachment*/, fn::C_GetSessionInfo::Roles& roles, Invoke&& invoke) {
    const CK_RV rv = invoke();
    if (rv == CKR_OK) std::get<0>(roles).session->token().adopt(std::get<1>(roles).structure.state);
    return rv;
  }
};

template <>
struct Effect<fn::C_Logout> {
  template <class Invoke>
  static CK_RV around(Attachment& /*attachment*/, fn::C_Logout::Roles& roles, Invoke&& invoke) {
    const CK_RV rv = invoke();
    if (rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN) std::get<0>(roles).session->token().loggedOut();
    return rv;
  }
};

}  // namespace cryptoki
