// Modules that need more than they report, or deviate from the specification. This is the only place where
// the name of a module makes a difference.
#pragma once

#include <string_view>

#include "generated/pkcs11.h"

namespace cryptoki {

// The calls that must run one at a time, across all sessions.
enum class Locking : unsigned char {
  None,     // none: the module locks for itself, or claims to
  Objects,  // calls that touch objects
  All,
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
  // See calls/key_check.h.
  bool macsCrashOnOtherKeys = false;
  bool signaturesCrashOnOtherKeys = false;
  // C_Verify returns the previous, unrelated error of its thread for a wrong MAC.
  bool verifyReportsLastError = false;
  // C_Finalize during a blocking C_WaitForSlotEvent frees memory that the waiting call still uses.
  bool pollsForSlotEvents = false;
};

// `path`: the file of the module; a module that forwards to another one has no name of its own in `info`.
Quirks quirksOf(const CK_INFO& info, std::string_view path);

}  // namespace cryptoki
