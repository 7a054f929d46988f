// Modules that are known to need more than they say, or something else than the specification has. The one
// place where a module's name makes a difference.
#pragma once

#include <string_view>

#include "generated/pkcs11.h"

namespace cryptoki {

// Which calls wait for each other, whatever session they are on.
enum class Locking : unsigned char {
  None,     // none: the module locks for itself, or says so
  Objects,  // those that touch objects
  All,
};

struct Quirks {
  // Needed although the module accepted CKF_OS_LOCKING_OK.
  Locking locking = Locking::None;
  // CKM_PKCS5_PBKD2 takes CK_PKCS5_PBKD2_PARAMS, with a pointer to the length of the password, and dies of
  // any other.
  bool firstPbkd2Parameters = false;
  // C_GetAttributeValue writes no more than the caller has room for. NSS writes each value whole, whatever
  // the length that it was given, so a module that was not seen to compare is asked for every length first.
  bool comparesLengths = false;
  // See calls/key_check.h.
  bool macsCrashOnOtherKeys = false;
  bool signaturesCrashOnOtherKeys = false;
  // C_Verify answers a wrong MAC with the last error of its thread, whatever that was about.
  bool verifyReportsLastError = false;
  // C_Finalize under a blocking C_WaitForSlotEvent frees what that call goes on using.
  bool pollsForSlotEvents = false;
};

// `path`: where the module was loaded from; one that speaks for another has no name of its own in `info`.
Quirks quirksOf(const CK_INFO& info, std::string_view path);

}  // namespace cryptoki
