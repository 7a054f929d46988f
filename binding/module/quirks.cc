#include "module/quirks.h"

#include <string_view>

namespace cryptoki {
namespace {

struct Entry {
  std::string_view beginning;  // of CK_INFO.manufacturerID, or of the file's name
  Quirks quirks;
};

constexpr Entry kEntries[] = {
    // SoftHSM2 2.6.1: creating, destroying and searching objects on several threads crashes or gives wrong
    // results (seen within seconds with 8 sessions); signing beside it does not. It compares lengths: see the
    // test of the oddity lengths-ignored. SIGSEGV in C_Sign of DSA and C_Verify of RSA with another key.
    {"SoftHSM", {.locking = Locking::Objects, .comparesLengths = true, .signaturesCrashOnOtherKeys = true}},
    // tpm2-pkcs11 1.9: sessions opened at once got the same handle, in about one of 30 rounds of 12.
    {"tpm2-software", {.locking = Locking::Objects}},
    // NSS 3.87: SIGSEGV in C_GenerateKey, and in C_SignInit of a MAC whose key value it cannot read. Its
    // C_Verify
    // compares a MAC without setting an error, and returns the one that the thread met last.
    {"Mozilla Foundation",
     {.firstPbkd2Parameters = true, .macsCrashOnOtherKeys = true, .verifyReportsLastError = true}},
    // OpenSC 0.23: ended the process about once in 25 times.
    {"OpenSC Project", {.pollsForSlotEvents = true}},
};

// By the file's name, without folders.
constexpr Entry kFiles[] = {
    // p11-kit 0.24: waits for ever when the connection dies while calls of several threads wait for answers.
    {"p11-kit-client", {.locking = Locking::All}},
};

}  // namespace

Quirks quirksOf(const CK_INFO& info, std::string_view path) {
  const std::string_view file = path.substr(path.find_last_of("/\\") + 1);
  for (const Entry& entry : kFiles) {
    if (file.starts_with(entry.beginning)) return entry.quirks;
  }
  const std::string_view manufacturer(reinterpret_cast<const char*>(info.manufacturerID),
                                      sizeof info.manufacturerID);
  for (const Entry& entry : kEntries) {
    if (manufacturer.starts_with(entry.beginning)) return entry.quirks;
  }
  return {};
}

}  // namespace cryptoki
