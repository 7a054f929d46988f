// Modules that need more than they report, or deviate from the specification. This is the only place where
// the name of a module makes a difference.
#pragma once

#include <cstddef>
#include <string_view>

#include "generated/pkcs11.h"

namespace cryptoki {

// The calls that must run one at a time, across all sessions.
enum class Locking : unsigned char {
  None,     // none: the module locks for itself, or claims to
  Objects,  // calls that touch objects
  All,
};

enum class KeyUse : unsigned char { Sign, Verify };

// The keys that an Init function accepts without a crash. Others must be refused before the call, with the
// error that the module should return.
enum class RequiredKey : unsigned char {
  Any,
  ReadableSecret,  // a secret key whose value the module can read
  Dsa,
  Rsa,
};

struct Quirks {
  // Needed although the module accepted CKF_OS_LOCKING_OK.
  Locking locking = Locking::None;
  // CKM_PKCS5_PBKD2 takes CK_PKCS5_PBKD2_PARAMS, with a pointer to the length of the password; the module
  // crashes on the other structure.
  bool firstPbkd2Parameters = false;
  // C_GetAttributeValue writes at most as many bytes as the caller's buffer has. NSS writes the whole value,
  // whatever the length in the template, so modules without this quirk are asked for every length first.
  bool comparesLengths = false;
  // C_GetAttributeValue is known to write each value whole: no attribute may be changed between the call that
  // asks for its length and the one that fetches it.
  bool writesAttributesWhole = false;
  // C_SignInit and C_VerifyInit crash on keys that do not fit the mechanism.
  bool macsCrashOnOtherKeys = false;
  bool signaturesCrashOnOtherKeys = false;
  // C_Verify returns the previous, unrelated error of its thread for a wrong MAC.
  bool verifyReportsLastError = false;
  // C_Finalize during a blocking C_WaitForSlotEvent frees memory that the waiting call still uses.
  bool pollsForSlotEvents = false;

  RequiredKey requiredKey(KeyUse use, CK_MECHANISM_TYPE mechanism) const {
    const bool isAny = !macsCrashOnOtherKeys && !signaturesCrashOnOtherKeys;
    return isAny ? RequiredKey::Any : requiredKeyOf(use, mechanism);
  }
  RequiredKey requiredKeyOf(KeyUse use, CK_MECHANISM_TYPE mechanism) const;
  // Returns true if an unrelated error of C_Verify or C_VerifyFinal means that the MAC is wrong.
  bool meansWrongMac(CK_RV rv) const;
};

// The room for nearly every result that does not grow with its message: ML-DSA-87 signatures have 4,627
// bytes. No result is longer than its message by exactly this prime number.
inline constexpr std::size_t kGuessedRoom = 5119;

// The memory that a result gets before the module was asked for its length.
struct ResultRoom {
  std::size_t size;
  bool isGuess;  // larger than the result; otherwise exactly its length
};

// `growth`: the number of message bytes, for a result that grows with its message.
constexpr ResultRoom roomForResult(CK_MECHANISM_TYPE mechanism, std::size_t growth) {
  // NSS requires a buffer of exactly the length of an Ed25519 signature. For Ed448, modules ask for a larger
  // one.
  constexpr std::size_t kEd25519Signature = 64;
  if (mechanism == CKM_EDDSA) return {kEd25519Signature, false};
  return {kGuessedRoom + growth, true};
}

// Mechanisms of NSS: CKM_NSS_HMAC_CONSTANT_TIME and CKM_NSS_SSL3_MAC_CONSTANT_TIME.
inline constexpr CK_MECHANISM_TYPE kNssHmacConstantTime = 0xCE534363UL;
inline constexpr CK_MECHANISM_TYPE kNssSsl3MacConstantTime = 0xCE534364UL;

// `path`: the file of the module; a module that forwards to another one has no name of its own in `info`. The
// result lives as long as the process.
const Quirks& quirksOf(const CK_INFO& info, std::string_view path);

}  // namespace cryptoki
