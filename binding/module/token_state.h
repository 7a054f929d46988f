// What the process knows of one token: who is logged in. Login belongs to (process, token): all sessions
// change together.
//
// Opening and closing a session, logging in and out, and the note of what each did are one step (see Gate):
// sessions are opened side by side and closed one at a time; logins and logouts go one at a time. Steps that
// cannot be kept apart (a login that waits at a PIN pad, a call that hangs) are found out by `version`, and
// the module is asked.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "generated/pkcs11.h"
#include "module/gate.h"
#include "runtime/session_queue.h"

namespace cryptoki {

enum class Login : unsigned char { None, User, SecurityOfficer };

class TokenState {
 public:
  // `changed` is called after each change of the login, on the thread that caused it.
  TokenState(CK_SLOT_ID slot, std::function<void(CK_SLOT_ID)> changed)
      : slot_(slot), changed_(std::move(changed)) {}

  CK_SLOT_ID slot() const { return slot_; }
  Login login() const { return login_.load(); }

  // Grows with each logout, whatever caused it. Private objects and their handles live within one epoch.
  std::uint64_t epoch() const { return epoch_.load(); }

  // Grows with everything that is noted of the login.
  std::uint64_t version() const { return version_.load(); }

  void loggedIn(Login login) { note(login, false); }
  void loggedOut() { note(Login::None, false); }
  // The module says that somebody is logged in (CKR_USER_ALREADY_LOGGED_IN), and C_GetSessionInfo does not
  // confirm it. What it says of public sessions is not taken for a logout from now on, until deny(), a logout
  // or a doubt.
  void loggedInUnconfirmed(Login login);
  // A call failed as it does after a logout: C_GetSessionInfo may be right about an unconfirmed login.
  void deny() { isUnconfirmed_ = false; }
  // A logout beside a login: objects that the login showed are gone, even if somebody is logged in again.
  void loggedOutBeside() { note(Login::None, true); }

  // Takes over what C_GetSessionInfo said. False, and nothing is taken over, when something was noted since
  // `version`: the answer may be older.
  bool adopt(CK_STATE state, std::uint64_t version);

  // The state of a session on this token: one of the five of the Usage Guide (3.2, section 2.6).
  CK_STATE state(bool readWrite) const;

  // Whether the login is not known: no session was open, or a step of somebody else may have ended it. The
  // next session that is opened asks, and so does checkLogin().
  bool isDoubtful() const { return doubtful_.load(); }
  void doubt();

  // A question of checkLogin() is on its way.
  std::atomic<bool> isChecking{false};

  // Of the calls on its sessions.
  const std::shared_ptr<Workload> workload = std::make_shared<Workload>();

  // Shared while a session is being opened, alone while one or all are being closed.
  Gate sessions;
  // Alone while somebody logs in or out.
  Gate logins;
  // Logins and logouts in the module now.
  std::atomic<int> changing{0};
  // One C_CloseAllSessions after the other.
  const std::shared_ptr<SessionQueue> closingAll = std::make_shared<SessionQueue>(nullptr);

 private:
  void note(Login login, bool endsEpoch);
  bool set(Login login, bool endsEpoch);  // under mutex_; whether it is a change

  CK_SLOT_ID slot_;
  std::function<void(CK_SLOT_ID)> changed_;
  std::mutex mutex_;  // of notes; login, epoch and version are read without it
  std::atomic<Login> login_{Login::None};
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<std::uint64_t> version_{0};
  std::atomic<bool> doubtful_{true};
  std::atomic<bool> isUnconfirmed_{false};
};

}  // namespace cryptoki
