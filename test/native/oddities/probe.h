// The common part of the probes of oddities: a C program that uses the fault module and prints the results of
// its calls.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "generated/pkcs11.h"

namespace probe {

using Bytes = std::vector<CK_BYTE>;
using Arguments = std::vector<std::string>;

extern CK_FUNCTION_LIST_3_2* p11;  // from C_GetFunctionList, so only the functions of 2.40

// "WHAT 0xRV"
void say(const char* what, CK_RV rv);
// A length as a number, or "unavailable".
std::string text(CK_ULONG length);
std::string hex(const CK_BYTE* bytes, std::size_t count);

CK_RV initialize();
// The first slot with an initialised token.
CK_SLOT_ID slot();
// Opens a session; ends the program if that fails.
CK_SESSION_HANDLE open(CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION);
// The token's PIN, from the environment.
std::string pin();
CK_RV login(CK_SESSION_HANDLE session, std::string_view with);

// A public session key for AES-256 with label "label" and identifier 0102.
CK_OBJECT_HANDLE secretKey(CK_SESSION_HANDLE session, bool isPrivate = false);

// Memory of which the module receives a part; the rest shows if the module wrote beyond that part.
class Room {
 public:
  explicit Room(std::size_t size) : bytes_(size + kBehind, kUntouched) {}
  CK_BYTE* data() { return bytes_.data(); }
  // The bytes up to the last one that was written, in hexadecimal digits; "untouched" if none was.
  std::string written() const;

 private:
  static constexpr std::size_t kBehind = 4096;
  static constexpr CK_BYTE kUntouched = 0xEE;
  Bytes bytes_;
};

void attributes(const Arguments& items);  // TYPE:ROOM ...; a room of - queries the length
void growing();                           // queries the length of a label and fetches it, three times
void digest(const Arguments& rooms);      // C_Digest with each room in turn; - queries the length
void sign(const Arguments& rounds);       // ECDSA with P-521, repeated: lengths and forms
void longData();                          // CKM_ECDSA, with data as long as the order of P-521 and longer
void curve();                             // CKA_EC_PARAMS and CKA_EC_POINT of a public key
void rsa();                               // the RSA mechanisms of the token
void random();
void pending();
void gcm();
void slots(const Arguments& rooms);
void mechanisms(const Arguments& rooms);
void find(const Arguments& options);  // room of each call, then "id", "type" for the template
void sessions();
void handles();
void survive(const Arguments& ways);  // "all": C_CloseAllSessions
void logins();
void already();
void pinLength();
void token();
void signals();
// Memory that ends at the limit for the module, on the heap, for the address sanitizer.
void overflow(const Arguments& what);  // "label", "pin", "iv"

}  // namespace probe
