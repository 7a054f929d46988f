// What the probes of oddities share: a C program that uses the fault module, and prints what its calls
// answer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "generated/pkcs11.h"

namespace probe {

using Bytes = std::vector<CK_BYTE>;
using Arguments = std::vector<std::string>;

extern CK_FUNCTION_LIST_3_2* p11;  // as long as C_GetFunctionList gives it: 2.40

// "WHAT 0xRV"
void say(const char* what, CK_RV rv);
// A length: its number, or "unavailable".
std::string text(CK_ULONG length);
std::string hex(const CK_BYTE* bytes, std::size_t count);

CK_RV initialize();
// The first slot with a token: the one that is initialised.
CK_SLOT_ID slot();
// A session; ends the program if there is none.
CK_SESSION_HANDLE open(CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION);
// The token's PIN, from the environment.
std::string pin();
CK_RV login(CK_SESSION_HANDLE session, std::string_view with);

// A public session key for AES-256 with label "label" and identifier 0102.
CK_OBJECT_HANDLE secretKey(CK_SESSION_HANDLE session, bool isPrivate = false);

// Memory of which a part is given to the module; what is behind it tells whether the module wrote there.
class Room {
 public:
  explicit Room(std::size_t size) : bytes_(size + kBehind, kUntouched) {}
  CK_BYTE* data() { return bytes_.data(); }
  // The bytes up to the last one that was written, in hex; "untouched" if none was.
  std::string written() const;

 private:
  static constexpr std::size_t kBehind = 4096;
  static constexpr CK_BYTE kUntouched = 0xEE;
  Bytes bytes_;
};

void attributes(const Arguments& items);  // TYPE:ROOM ...; a room of - asks for the length
void growing();                           // asks for the length of a label and fetches it, three times
void digest(const Arguments& rooms);      // C_Digest with each room in turn; - asks for the length
void sign(const Arguments& rounds);       // ECDSA with P-521, so many times: lengths and forms
void longData();                          // CKM_ECDSA, with data as long as the order of P-521 and longer
void curve();                             // CKA_EC_PARAMS and CKA_EC_POINT of a public key
void rsa();                               // which RSA mechanisms there are
void random();
void pending();
void gcm();
void slots(const Arguments& rooms);
void mechanisms(const Arguments& rooms);
void find(const Arguments& options);  // room of each call, then whether the template has "id", "type"
void sessions();
void handles();
void survive(const Arguments& ways);  // "all": C_CloseAllSessions
void logins();
void already();
void pinLength();
void token();
void signals();
// Memory that ends where the module should end, on the heap: for the address sanitizer.
void overflow(const Arguments& what);  // "label", "pin", "iv"

}  // namespace probe
