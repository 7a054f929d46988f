#include "module/token_state.h"

#include "module/state_version.h"

namespace cryptoki {
namespace {

Login loginIn(CK_STATE state) {
  switch (state) {
    case CKS_RW_SO_FUNCTIONS:
      return Login::SecurityOfficer;
    case CKS_RO_USER_FUNCTIONS:
    case CKS_RW_USER_FUNCTIONS:
      return Login::User;
    default:
      return Login::None;
  }
}

}  // namespace

bool TokenState::set(Login login, bool endsEpoch) {
  const Login before = login_.load();
  const bool ends = endsEpoch || (before != Login::None && login == Login::None);
  ++version_;
  if (ends) ++epoch_;
  login_ = login;
  isUnconfirmed_ = false;
  const bool isChange = ends || before != login;
  if (isChange) stateChanged();
  return isChange;
}

void TokenState::note(Login login, bool endsEpoch) {
  bool isChange = false;
  {
    std::lock_guard lock(mutex_);
    isChange = set(login, endsEpoch);
  }
  if (isChange) changed_(slot_);
}

void TokenState::loggedInUnconfirmed(Login login) {
  bool isChange = false;
  {
    std::lock_guard lock(mutex_);
    isChange = set(login, false);
    isUnconfirmed_ = true;
  }
  if (isChange) changed_(slot_);
}

void TokenState::doubt() {
  std::lock_guard lock(mutex_);
  doubtful_ = true;
  isUnconfirmed_ = false;
  ++version_;  // invalidates a C_GetSessionInfo in progress
}

bool TokenState::adopt(CK_STATE state, std::uint64_t version) {
  bool isChange = false;
  {
    std::lock_guard lock(mutex_);
    if (version != version_.load()) return false;
    const Login login = loginIn(state);
    if (login == Login::None && isUnconfirmed_.load()) return true;
    isChange = login != login_.load() && set(login, false);
    doubtful_ = false;
  }
  if (isChange) changed_(slot_);
  return true;
}

CK_STATE TokenState::state(bool readWrite) const {
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

}  // namespace cryptoki
