#include "module/quirks.h"

#include <string_view>

namespace cryptoki {
namespace {

struct Entry {
  std::string_view beginning;  // of CK_INFO.manufacturerID, or of the file name
  Quirks quirks;
};

constexpr Entry kEntries[] = {
    // SoftHSM2 2.6.1: creating, destroying and searching objects on several threads crashes or returns wrong
    // results (seen within seconds with 8 sessions); concurrent signatures are safe. It compares lengths: see
    // the test of the oddity lengths-ignored. SIGSEGV in C_Sign with DSA and in C_Verify with RSA when the
    // key has another type.
    {"SoftHSM", {.locking = Locking::Objects, .comparesLengths = true, .signaturesCrashOnOtherKeys = true}},
    // tpm2-pkcs11 1.9: sessions opened at the same time got the same handle, in about one of 30 rounds of 12.
    {"tpm2-software", {.locking = Locking::Objects}},
    // NSS 3.87: SIGSEGV in C_GenerateKey, and in C_SignInit of a MAC when it cannot read the value of the
    // key. C_Verify does not set an error for a wrong MAC and returns the previous error of its thread.
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
