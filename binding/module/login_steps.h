// Login and logout, each with its record (see token_state.h). A step that may take minutes (a PIN pad) does
// not block the others; when two steps have overlapped, the module is asked for the login state.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "module/module.h"

namespace cryptoki {

// Updates the recorded sessions and login after a call that failed with `rv`: something else (a removed
// token, another library) may have closed the session or ended the login. The caller must hold the session.
void noteFailure(Attachment& attachment, const std::shared_ptr<Session>& session, CK_RV rv);

// If the login state is doubtful, asks the module for it on an open session of the token. Returns at once;
// the call waits in the queue of that session.
void checkLogin(Module& module, TokenState& token) noexcept;

// A login or a logout in progress.
class LoginChange {
 public:
  // `waits`: waits until other logins and logouts have ended.
  LoginChange(TokenState& token, bool waits) : token_(token) {
    if (waits) pass_.emplace(token.logins, Gate::Mode::Alone);
    isAlone_ = token_.changing++ == 0;
    version_ = token_.version();
  }
  LoginChange(const LoginChange&) = delete;
  LoginChange& operator=(const LoginChange&) = delete;
  ~LoginChange() { --token_.changing; }

  // Returns true when another login or logout overlapped this one, or the record has changed since.
  bool hasOverlapped() const { return !isAlone_ || token_.changing > 1 || token_.version() != version_; }

 private:
  TokenState& token_;
  std::optional<Gate::Pass> pass_;
  bool isAlone_ = true;
  std::uint64_t version_ = 0;
};

// `isAtPad`: the user enters the PIN on the token's PIN pad.
template <class Invoke>
CK_RV loginStep(Module& module, const Session& session, CK_USER_TYPE user, bool isAtPad, Invoke&& invoke) {
  TokenState& token = session.token();
  const LoginChange change(token, !isAtPad);
  const CK_RV rv = invoke();
  const bool isIn = rv == CKR_OK;
  const bool isKnown = rv == CKR_USER_ALREADY_LOGGED_IN || rv == CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
  const Login wanted = user == CKU_SO ? Login::SecurityOfficer : Login::User;
  if (isIn && !change.hasOverlapped()) {
    token.loggedIn(wanted);
  } else if (isIn || isKnown) {
    const bool isAlone = !change.hasOverlapped();
    const CK_RV asked = module.refreshLogin(session);
    // Some modules never report the states of the user. Modules that return this code for another user do
    // report the states of that one.
    const bool isUnconfirmed = asked == CKR_OK && token.login() == Login::None;
    if (rv == CKR_USER_ALREADY_LOGGED_IN && isAlone && isUnconfirmed) token.loggedInUnconfirmed(wanted);
  }
  return rv;
}

template <class Invoke>
CK_RV logoutStep(Module& module, const Session& session, Invoke&& invoke) {
  TokenState& token = session.token();
  const LoginChange change(token, true);
  const CK_RV rv = invoke();
  if (rv != CKR_OK && rv != CKR_USER_NOT_LOGGED_IN) return rv;
  if (!change.hasOverlapped()) {
    token.loggedOut();
  } else {
    token.loggedOutBeside();
    module.refreshLogin(session);
  }
  return rv;
}

}  // namespace cryptoki
