// Deviations in the opening, closing and handles of sessions.
#include <array>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

bool isReadWrite(const OddCall& odd) {
  return (std::get<1>(odd.arguments<Function::C_OpenSession>()) & CKF_RW_SESSION) != 0;
}

CK_RV reuseHandles(OddCall& odd) {
  const CK_RV rv = odd.proceed();
  if (rv != CKR_OK) return rv;
  CK_SESSION_HANDLE* handle = std::get<4>(odd.arguments<Function::C_OpenSession>());
  const auto session = odd.instance().sessions.find(*handle);
  if (session == nullptr) return CKR_SESSION_HANDLE_INVALID;  // lost in the meantime, and closed
  odd.instance().sessions.renumber(*session);
  *handle = session->handle;
  return rv;
}

CK_RV refuseReadOnly(OddCall& odd) { return isReadWrite(odd) ? odd.proceed() : odd.code(); }

CK_RV refuseReadWrite(OddCall& odd) { return isReadWrite(odd) ? odd.code() : odd.proceed(); }

// Two concurrent calls must not both see zero sessions: the second is refused, whatever the result of the
// first.
class Opening {
 public:
  explicit Opening(std::atomic<bool>& flag) : flag_(flag), isFirst_(!flag.exchange(true)) {}
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() {
    if (isFirst_) flag_ = false;
  }
  bool isFirst() const { return isFirst_; }

 private:
  std::atomic<bool>& flag_;
  bool isFirst_;
};

CK_RV allowOneSession(OddCall& odd) {
  const Opening opening(odd.instance().odd.opening);
  return opening.isFirst() && odd.instance().openSessions() == 0 ? odd.proceed() : odd.code();
}

bool isLoggedIn(const OddCall& odd, CK_SESSION_HANDLE real) {
  CK_SESSION_INFO info{};
  if (odd.real<Function::C_GetSessionInfo>(real, &info) != CKR_OK) return false;
  return info.state != CKS_RO_PUBLIC_SESSION && info.state != CKS_RW_PUBLIC_SESSION;
}

// When the last session of a token is closed, a real session of the fault module stays open.
CK_RV closeAndStayLoggedIn(OddCall& odd) {
  if (odd.function() == Function::C_CloseAllSessions) {
    const CK_SLOT_ID slot = std::get<0>(odd.arguments<Function::C_CloseAllSessions>());
    const auto open = odd.instance().sessions.on(slot);
    if (!open.empty() && isLoggedIn(odd, open.front()->real)) odd.instance().holdLogin(slot);
    return odd.instance().closeAll(slot, Instance::Closing::OneByOne);
  }
  const CK_SLOT_ID slot = odd.session().slot;
  const bool isLast = odd.instance().sessions.on(slot).size() == 1;
  if (isLast && isLoggedIn(odd, odd.session().real)) odd.instance().holdLogin(slot);
  return odd.proceed();
}

constexpr std::array kActions{
    OddityAction{Oddity::HandlesReused, &reuseHandles},
    OddityAction{Oddity::ReadOnlyRefused, &refuseReadOnly},
    OddityAction{Oddity::ReadWriteRefused, &refuseReadWrite},
    OddityAction{Oddity::OneSession, &allowOneSession},
    OddityAction{Oddity::LoginSurvivesClose, &closeAndStayLoggedIn},
};

}  // namespace

std::span<const OddityAction> sessionOddities() { return kActions; }

}  // namespace cryptoki::fault
