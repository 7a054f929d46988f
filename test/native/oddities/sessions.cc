// Probes of sessions, login, the token, and the state of the process afterwards.
#include <array>
#include <csignal>
#include <cstdio>
#include <string>

#include "probe.h"

namespace probe {
namespace {

const char* stateOf(CK_SESSION_HANDLE session) {
  CK_SESSION_INFO info{};
  if (p11->C_GetSessionInfo(session, &info) != CKR_OK) return "none";
  if (info.state == CKS_RW_USER_FUNCTIONS || info.state == CKS_RO_USER_FUNCTIONS) return "user";
  return info.state == CKS_RW_SO_FUNCTIONS ? "so" : "public";
}

std::size_t secretKeys(CK_SESSION_HANDLE session) {
  CK_ULONG secret = CKO_SECRET_KEY;
  CK_ATTRIBUTE wanted{CKA_CLASS, &secret, sizeof secret};
  std::array<CK_OBJECT_HANDLE, 10> found{};
  CK_ULONG count = 0;
  p11->C_FindObjectsInit(session, &wanted, 1);
  p11->C_FindObjects(session, found.data(), found.size(), &count);
  p11->C_FindObjectsFinal(session);
  return count;
}

CK_RV encryptWith(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
  CK_MECHANISM mechanism{CKM_AES_ECB, nullptr, 0};
  Bytes data(16);
  Bytes result(16);
  CK_ULONG length = result.size();
  const CK_RV rv = p11->C_EncryptInit(session, &mechanism, key);
  return rv != CKR_OK ? rv : p11->C_Encrypt(session, data.data(), data.size(), result.data(), &length);
}

}  // namespace

void sessions() {
  CK_SESSION_HANDLE first = 0;
  CK_SESSION_HANDLE session = 0;
  say("read-only", p11->C_OpenSession(slot(), CKF_SERIAL_SESSION, nullptr, nullptr, &first));
  constexpr CK_FLAGS readWrite = CKF_SERIAL_SESSION | CKF_RW_SESSION;
  say("read/write", p11->C_OpenSession(slot(), readWrite, nullptr, nullptr, &session));
  if (first != 0) p11->C_CloseSession(first);
  if (session != 0) p11->C_CloseSession(session);
  say("after both", p11->C_OpenSession(slot(), readWrite, nullptr, nullptr, &session));
}

void handles() {
  const CK_SESSION_HANDLE first = open();
  const CK_SESSION_HANDLE second = open();
  p11->C_CloseSession(first);
  const CK_SESSION_HANDLE third = open();
  std::printf("%s, the next is %s\n", first == 1 && second == 2 ? "from 1" : "other numbers",
              third == first ? "the same" : "another");
  CK_SESSION_INFO info{};
  say("C_GetSessionInfo", p11->C_GetSessionInfo(first, &info));
  say("C_CloseSession", p11->C_CloseSession(second));
  say("closed", p11->C_GetSessionInfo(second, &info));
}

void survive(const Arguments& ways) {
  const CK_SESSION_HANDLE session = open();
  say("C_Login", login(session, pin()));
  say("close", ways.empty() ? p11->C_CloseSession(session) : p11->C_CloseAllSessions(slot()));
  const CK_SESSION_HANDLE next = open();
  std::printf("%s\n", stateOf(next));
  say("C_Logout", p11->C_Logout(next));
  std::printf("%s\n", stateOf(next));
  p11->C_CloseSession(next);
  std::printf("%s\n", stateOf(open()));
}

void logins() {
  const CK_SESSION_HANDLE first = open();
  const CK_SESSION_HANDLE second = open();
  say("first", login(first, pin()));
  const CK_OBJECT_HANDLE key = secretKey(first, true);
  const auto look = [&](const char* what, CK_SESSION_HANDLE session) {
    const CK_RV rv = encryptWith(session, key);
    std::printf("%s %s, finds %zu, C_EncryptInit 0x%lx\n", what, stateOf(session), secretKeys(session), rv);
  };
  look("first", first);
  look("second", second);
  say("wrong PIN", login(second, "00000000"));
  say("second", login(second, pin()));
  look("second", second);
  say("first logs out", p11->C_Logout(first));
  look("first", first);
  look("second", second);
  say("again", p11->C_Logout(first));
  say("second logs out", p11->C_Logout(second));
}

void already() {
  const CK_SESSION_HANDLE session = open();
  say("wrong PIN", login(session, "00000000"));
  say("C_Login", login(session, pin()));
  const CK_OBJECT_HANDLE key = secretKey(session, true);
  std::printf("%s, private key %s\n", stateOf(session), key != 0 ? "made" : "refused");
}

// The PIN is followed by more of the buffer, which ends with a NUL.
void pinLength() {
  const CK_SESSION_HANDLE session = open();
  std::string longer = pin() + "99";
  auto* bytes = reinterpret_cast<CK_UTF8CHAR*>(longer.data());
  say("more behind it", p11->C_Login(session, CKU_USER, bytes, pin().size()));
  say("a NUL behind it", login(session, pin()));
}

void token() {
  CK_TOKEN_INFO info{};
  say("C_GetTokenInfo", p11->C_GetTokenInfo(slot(), &info));
  std::printf("highest bit %s, %s\n", info.flags >> (sizeof info.flags * 8 - 1) != 0 ? "set" : "clear",
              (info.flags & CKF_TOKEN_INITIALIZED) != 0 ? "initialised" : "not initialised");
  std::printf("%s\n", hex(info.label, sizeof info.label).c_str());
}

void signals() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    std::printf("%s\n", action.sa_handler == SIG_DFL ? "default" : "handled");
  }
}

}  // namespace probe
