// The recorded login state of one token. A login belongs to (process, token): the state of all its sessions
// changes together.
//
// Opening or closing a session, or a login or logout, is one step together with its record (see Gate):
// sessions are opened in parallel and closed one at a time; logins and logouts run one at a time. Steps that
// cannot be separated (a login that waits at a PIN pad, a call that hangs) are detected by `version`; then
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

  // Increases with each logout, whatever caused it. Private objects and their handles are valid within one
  // epoch.
  std::uint64_t epoch() const { return epoch_.load(); }

  // Increases with each record of a login or logout.
  std::uint64_t version() const { return version_.load(); }

  void loggedIn(Login login) { note(login, false); }
  void loggedOut() { note(Login::None, false); }
  // The module reports that a user is logged in (CKR_USER_ALREADY_LOGGED_IN), but C_GetSessionInfo does not
  // confirm it. From now on a public session in its result does not mean a logout, until deny(), a logout or
  // a doubt.
  void loggedInUnconfirmed(Login login);
  // A call failed as after a logout, so the result of C_GetSessionInfo about an unconfirmed login applies.
  void deny() { isUnconfirmed_ = false; }
  // A logout that overlapped a login: objects that the login made visible are gone, even if a login is active
  // again.
  void loggedOutBeside() { note(Login::None, true); }

  // Records the state that C_GetSessionInfo returned. Returns false and records nothing if the state was
  // changed since `version`, because the returned state may be older.
  bool adopt(CK_STATE state, std::uint64_t version);

  // The state of a session on this token: one of the five of the Usage Guide (3.2, section 2.6).
  CK_STATE state(bool readWrite) const;

  // True when the login state is unknown: no session was open, or another step may have ended the login. The
  // module is asked when the next session is opened, or by checkLogin().
  bool isDoubtful() const { return doubtful_.load(); }
  void doubt();

  // True while a job of checkLogin() is queued.
  std::atomic<bool> isChecking{false};

  // Measurements of the calls on its sessions.
  const std::shared_ptr<Workload> workload = std::make_shared<Workload>();

  // Shared while a session is being opened, alone while one or all are being closed.
  Gate sessions;
  // Alone during a login or logout.
  Gate logins;
  // The number of logins and logouts in the module now.
  std::atomic<int> changing{0};
  // Runs one C_CloseAllSessions at a time.
  const std::shared_ptr<SessionQueue> closingAll = std::make_shared<SessionQueue>(nullptr);

 private:
  void note(Login login, bool endsEpoch);
  bool set(Login login, bool endsEpoch);  // under mutex_; returns true on a change

  CK_SLOT_ID slot_;
  std::function<void(CK_SLOT_ID)> changed_;
  std::mutex mutex_;  // guards changes; login, epoch and version are read without it
  std::atomic<Login> login_{Login::None};
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<std::uint64_t> version_{0};
  std::atomic<bool> doubtful_{true};
  std::atomic<bool> isUnconfirmed_{false};
};

}  // namespace cryptoki
