// Deviations of the login state and of the way the PIN is read.
#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <string_view>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

// Reports the state that the session would have without a login.
CK_RV reportPublicState(OddCall& odd) {
  const CK_RV rv = odd.proceed();
  CK_SESSION_INFO* info = std::get<1>(odd.arguments<Function::C_GetSessionInfo>());
  if (rv != CKR_OK || info == nullptr) return rv;
  info->state = (info->flags & CKF_RW_SESSION) != 0 ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
  return rv;
}

CK_RV pretendLoggedIn(OddCall& odd) {
  if (odd.function() == Function::C_GetSessionInfo) return reportPublicState(odd);
  const CK_RV rv = odd.proceed();
  return rv == CKR_OK ? CKR_USER_ALREADY_LOGGED_IN : rv;
}

// The first session that logs in makes the login of the token. The real module cannot check the PINs of later
// sessions, so they are compared with the first one.
CK_RV logInSession(OddCall& odd) {
  const auto& [handle, user, pin, length] = odd.arguments<Function::C_Login>();
  OddMemory& memory = odd.memory();
  if (user == CKU_CONTEXT_SPECIFIC) return odd.proceed();
  if (memory.loggedIn) return CKR_USER_ALREADY_LOGGED_IN;
  const std::size_t hash = pin == nullptr
                               ? 0
                               : std::hash<std::string_view>{}(std::string_view(
                                     reinterpret_cast<const char*>(pin), static_cast<std::size_t>(length)));
  OddState& state = odd.instance().odd;
  const CK_SLOT_ID slot = odd.session().slot;
  CK_RV rv = odd.proceed();
  if (rv == CKR_OK) {
    state.rememberPin(slot, user, hash);
  } else if (rv == CKR_USER_ALREADY_LOGGED_IN) {
    const auto known = state.pinOf(slot, user);
    rv = !known || *known == hash ? CKR_OK : CKR_PIN_INCORRECT;
  }
  if (rv == CKR_OK) memory.loggedIn = true;
  return rv;
}

CK_RV logOutSession(OddCall& odd) {
  OddMemory& memory = odd.memory();
  if (!memory.loggedIn) return CKR_USER_NOT_LOGGED_IN;
  memory.loggedIn = false;
  const auto sessions = odd.instance().sessions.on(odd.session().slot);
  const bool isLast =
      std::ranges::none_of(sessions, [](const auto& session) { return session->odd.loggedIn.load(); });
  return isLast ? odd.proceed() : CKR_OK;
}

bool isPrivate(const OddCall& odd, CK_OBJECT_HANDLE object) {
  const auto [rv, bytes] = readAttribute(odd, object, CKA_PRIVATE);
  return rv == CKR_OK && bytes.size() == 1 && bytes[0] != 0;
}

CK_RV findPublicObjects(OddCall& odd) {
  const auto& [session, handles, most, count] = odd.arguments<Function::C_FindObjects>();
  for (;;) {
    const CK_RV rv = odd.proceed();
    if (rv != CKR_OK || handles == nullptr || *count == 0) return rv;
    auto* const end = std::remove_if(handles, handles + *count,
                                     [&](CK_OBJECT_HANDLE handle) { return isPrivate(odd, handle); });
    *count = static_cast<CK_ULONG>(end - handles);
    if (*count > 0) return rv;  // no handles would mean the end of the search
  }
}

template <Function F>
CK_RV refusePrivateKey(OddCall& odd) {
  return isPrivate(odd, std::get<2>(odd.arguments<F>())) ? CKR_USER_NOT_LOGGED_IN : odd.proceed();
}

CK_RV countLoginPerSession(OddCall& odd) {
  if (odd.function() == Function::C_Login) return logInSession(odd);
  if (odd.function() == Function::C_Logout) return logOutSession(odd);
  if (odd.memory().loggedIn) return odd.proceed();
  switch (odd.function()) {
    case Function::C_GetSessionInfo:
      return reportPublicState(odd);
    case Function::C_FindObjects:
      return findPublicObjects(odd);
    case Function::C_SignInit:
      return refusePrivateKey<Function::C_SignInit>(odd);
    case Function::C_EncryptInit:
      return refusePrivateKey<Function::C_EncryptInit>(odd);
    case Function::C_DecryptInit:
      return refusePrivateKey<Function::C_DecryptInit>(odd);
    default:
      return odd.proceed();
  }
}

// This reads past the end of the program's PIN if no NUL follows it.
CK_RV readPinToNul(OddCall& odd) {
  auto& [session, user, pin, length] = odd.arguments<Function::C_Login>();
  if (pin == nullptr) return odd.proceed();
  const Replaced whole(length, static_cast<CK_ULONG>(std::strlen(reinterpret_cast<const char*>(pin))));
  return odd.proceed();
}

constexpr std::array kActions{
    OddityAction{Oddity::AlreadyLoggedIn, &pretendLoggedIn},
    OddityAction{Oddity::LoginPerSession, &countLoginPerSession},
    OddityAction{Oddity::PinReadToNul, &readPinToNul},
};

}  // namespace

std::span<const OddityAction> loginOddities() { return kActions; }

}  // namespace cryptoki::fault
