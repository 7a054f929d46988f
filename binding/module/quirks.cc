#include "module/quirks.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "module/mac.h"

namespace cryptoki {
namespace {

template <class Family>
constexpr bool isOf(const Family& family, CK_MECHANISM_TYPE mechanism) {
  return std::binary_search(family.begin(), family.end(), mechanism);
}

struct Entry {
  std::string_view beginning;  // of CK_INFO.manufacturerID, or of the file name
  Quirks quirks;
};

constexpr Entry kEntries[] = {
    // SoftHSM2 2.6.1: creating, destroying and searching objects on several threads crashes or returns wrong
    // results (seen within seconds with 8 sessions); concurrent signatures are safe. It compares lengths: see
    // the test of the oddity lengths-ignored. It reads numbers that a key of another type does not have:
    // SIGSEGV, or the end of the process, in C_Sign with DSA, and in C_Verify with RSA and an empty
    // signature.
    {"SoftHSM", {.locking = Locking::Objects, .comparesLengths = true, .signaturesCrashOnOtherKeys = true}},
    // tpm2-pkcs11 1.9: sessions opened at the same time got the same handle, in about one of 30 rounds of 12.
    {"tpm2-software", {.locking = Locking::Objects}},
    // NSS 3.87: SIGSEGV in C_GenerateKey. C_SignInit of a MAC jumps to uninitialised memory when it cannot
    // read the CKA_VALUE of the key: an RSA key has none, and reading that of a secret key on the token
    // requires a login. C_Verify does not set an error for a wrong MAC and returns the previous error of its
    // thread.
    {"Mozilla Foundation",
     {.firstPbkd2Parameters = true,
      .writesAttributesWhole = true,
      .macsCrashOnOtherKeys = true,
      .verifyReportsLastError = true}},
    // OpenSC 0.23: crashed the process in about one of 25 runs.
    {"OpenSC Project", {.pollsForSlotEvents = true}},
};

// By the file name, without folders.
constexpr Entry kFiles[] = {
    // p11-kit 0.24: waits for ever when the connection breaks while calls of several threads wait for
    // responses.
    {"p11-kit-client", {.locking = Locking::All}},
};

constexpr Quirks kNone{};

}  // namespace

RequiredKey Quirks::requiredKeyOf(KeyUse use, CK_MECHANISM_TYPE mechanism) const {
  if (macsCrashOnOtherKeys && isMac(mechanism)) return RequiredKey::ReadableSecret;
  if (!signaturesCrashOnOtherKeys) return RequiredKey::Any;
  if (isOf(kDsaSignatures, mechanism)) return RequiredKey::Dsa;
  return use == KeyUse::Verify && isOf(kRsaSignatures, mechanism) ? RequiredKey::Rsa : RequiredKey::Any;
}

bool Quirks::meansWrongMac(CK_RV rv) const {
  constexpr std::array kOtherMeaning{
      CKR_OK,
      CKR_PENDING,
      CKR_SESSION_HANDLE_INVALID,
      CKR_SESSION_CLOSED,
      CKR_DEVICE_REMOVED,
      CKR_TOKEN_NOT_PRESENT,
      CKR_OPERATION_NOT_INITIALIZED,
      CKR_CRYPTOKI_NOT_INITIALIZED,
      CKR_USER_NOT_LOGGED_IN,
      CKR_FUNCTION_CANCELED,
  };
  return verifyReportsLastError &&
         std::find(kOtherMeaning.begin(), kOtherMeaning.end(), rv) == kOtherMeaning.end();
}

const Quirks& quirksOf(const CK_INFO& info, std::string_view path) {
  const std::string_view file = path.substr(path.find_last_of("/\\") + 1);
  for (const Entry& entry : kFiles) {
    if (file.starts_with(entry.beginning)) return entry.quirks;
  }
  const std::string_view manufacturer(reinterpret_cast<const char*>(info.manufacturerID),
                                      sizeof info.manufacturerID);
  for (const Entry& entry : kEntries) {
    if (manufacturer.starts_with(entry.beginning)) return entry.quirks;
  }
  return kNone;
}

}  // namespace cryptoki
