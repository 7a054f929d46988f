// What the process knows of one token: who is logged in. Login belongs to (process, token): all sessions
// change together.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <utility>

#include "generated/pkcs11.h"
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

  void loggedIn(Login login) {
    if (login_.exchange(login) != login) changed_(slot_);
  }
  void loggedOut() {
    if (login_.exchange(Login::None) == Login::None) return;
    ++epoch_;
    changed_(slot_);
  }

  // Takes over what C_GetSessionInfo says.
  void adopt(CK_STATE state) {
    if (state == CKS_RW_SO_FUNCTIONS) {
      loggedIn(Login::SecurityOfficer);
    } else if (state == CKS_RO_USER_FUNCTIONS || state == CKS_RW_USER_FUNCTIONS) {
      loggedIn(Login::User);
    } else {
      loggedOut();
    }
  }

  // The state of a session on this token: one of the five of the Usage Guide (3.2, section 2.6).
  CK_STATE state(bool readWrite) const {
    switch (login()) {
      case Login::SecurityOfficer:
        return CKS_RW_SO_FUNCTIONS;
      case Login::User:
        return readWrite ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
      case Login::None:
        break;
    }
    return readWrite ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
  }

  // Set when a session turned out to be gone: somebody else may have closed all of them, and so ended the
  // login. The next session that is opened asks.
  std::atomic<bool> doubtful{false};

  // Of the calls on its sessions.
  const std::shared_ptr<Workload> workload = std::make_shared<Workload>();

  // Shared while a session is being opened, exclusive while all are being closed.
  std::shared_mutex opening;
  // One C_CloseAllSessions after the other.
  const std::shared_ptr<SessionQueue> closingAll = std::make_shared<SessionQueue>(nullptr);

 private:
  CK_SLOT_ID slot_;
  std::function<void(CK_SLOT_ID)> changed_;
  std::atomic<Login> login_{Login::None};
  std::atomic<std::uint64_t> epoch_{0};
};

}  // namespace cryptoki
