// Verifies a MAC by computing it. NSS 3.87 returns the previous error of its thread for a wrong MAC, and
// reads beyond the end of a short one; other modules compare in a time that depends on the first wrong byte.
#pragma once

#include <memory>
#include <optional>

#include "calls/end_operations.h"
#include "calls/key_check.h"
#include "generated/calls.h"
#include "module/module.h"
#include "module/session.h"
#include "runtime/secret.h"

namespace cryptoki {

// A MAC that is computed for a comparison. Must live as long as the module may write into it.
class MacComparison {
 public:
  // Returns CKR_OK, CKR_SIGNATURE_INVALID, or the result of C_Sign. Returns nothing if C_SignInit refuses the
  // key: either the key can only verify (CKA_SIGN is false), or C_VerifyInit will return the same error.
  std::optional<CK_RV> run(Module& module, const std::shared_ptr<Session>& session, CK_MECHANISM* mechanism,
                           CK_OBJECT_HANDLE key, unsigned char* data, std::size_t size,
                           const unsigned char* mac, std::size_t macLength) {
    if (begin(module, session, mechanism, key) != CKR_OK) return std::nullopt;
    mac_ = Bytes::zeros(kRoom);
    length_ = kRoom;
    const CK_RV rv = module.call<fn::C_Sign::pointer>(session->handle(), data, static_cast<CK_ULONG>(size),
                                                      mac_.data(), &length_);
    if (rv != CKR_OK) return rv;
    // All MACs are shorter than the room: the module did not set the length.
    if (length_ >= kRoom) return CKR_GENERAL_ERROR;
    const bool isRight = length_ == macLength && isSame(mac);
    mac_.clear();
    return isRight ? CKR_OK : CKR_SIGNATURE_INVALID;
  }

 private:
  static CK_RV begin(Module& module, const std::shared_ptr<Session>& session, CK_MECHANISM* mechanism,
                     CK_OBJECT_HANDLE key) {
    KeyCheck keyCheck;
    const CK_RV checked = keyCheck.check(module, *session, KeyUse::Sign, mechanism->mechanism, key);
    if (checked != CKR_OK) return checked;
    return beginOperation(module, session, [&] {
      return module.call<fn::C_SignInit::pointer>(session->handle(), mechanism, key);
    });
  }

  static constexpr std::size_t kRoom = 1021;  // longer than all MACs

  // The time depends only on the length.
  bool isSame(const unsigned char* other) const {
    volatile unsigned char difference = 0;
    for (std::size_t i = 0; i < length_; ++i)
      difference = static_cast<unsigned char>(difference | (mac_[i] ^ other[i]));
    return difference == 0;
  }

  Bytes mac_;
  CK_ULONG length_ = 0;
};

}  // namespace cryptoki
