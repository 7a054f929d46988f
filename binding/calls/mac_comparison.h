// MACs are verified by making them. NSS 3.87 answers a wrong MAC with whatever error its thread met last, and
// reads behind one that is too short; other modules compare in a time that depends on the first wrong byte.
#pragma once

#include <optional>

#include "calls/cancel.h"
#include "calls/key_check.h"
#include "generated/calls.h"
#include "module/module.h"
#include "module/session.h"
#include "runtime/secret.h"

namespace cryptoki {

// A MAC that is made in order to be compared. It has to live as long as the module may write into it.
class MacComparison {
 public:
  // CKR_OK, CKR_SIGNATURE_INVALID, or what C_Sign returned. Nothing when the module does not begin to sign
  // with the key, which then can only verify: CKA_SIGN is false, or something is wrong that C_VerifyInit
  // returns too.
  std::optional<CK_RV> run(Module& module, Session& session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key,
                           unsigned char* data, std::size_t size, const unsigned char* mac,
                           std::size_t macLength) {
    if (begin(module, session, mechanism, key) != CKR_OK) return std::nullopt;
    made_ = Bytes::zeros(kRoom);
    length_ = kRoom;
    const CK_RV rv = module.call<fn::C_Sign::pointer>(session.handle(), data, static_cast<CK_ULONG>(size),
                                                      made_.data(), &length_);
    if (rv != CKR_OK) return rv;
    // No MAC is as long as the room: the module has left the length as it was.
    if (length_ >= kRoom) return CKR_GENERAL_ERROR;
    const bool isRight = length_ == macLength && isSame(mac);
    made_.clear();
    return isRight ? CKR_OK : CKR_SIGNATURE_INVALID;
  }

 private:
  static CK_RV begin(Module& module, Session& session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    KeyCheck keyCheck;
    const CK_RV checked = keyCheck.check(module, session, KeyUse::Sign, mechanism->mechanism, key);
    if (checked != CKR_OK) return checked;
    return beginOperation(module, session, [&] {
      return module.call<fn::C_SignInit::pointer>(session.handle(), mechanism, key);
    });
  }

  static constexpr std::size_t kRoom = 1021;  // of no MAC

  // In a time that depends on the length alone.
  bool isSame(const unsigned char* mac) const {
    volatile unsigned char difference = 0;
    for (std::size_t i = 0; i < length_; ++i)
      difference = static_cast<unsigned char>(difference | (made_[i] ^ mac[i]));
    return difference == 0;
  }

  Bytes made_;
  CK_ULONG length_ = 0;
};

}  // namespace cryptoki
