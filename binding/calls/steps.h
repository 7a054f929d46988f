// Init function and operation as one step; all single-part operations use it.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "calls/call.h"
#include "calls/cancel.h"
#include "calls/key_check.h"
#include "calls/mac_comparison.h"
#include "calls/operation_effects.h"
#include "generated/calls.h"
#include "marshal/number.h"

namespace cryptoki {

// Runs a piece of a job. After CKR_PENDING the module continues to write into the job's memory, so the
// session keeps it.
template <class Work>
void keepPending(Session& session, const std::shared_ptr<void>& memory, Work&& work) {
  try {
    work();
  } catch (const Failure& failure) {
    if (failure.rv == CKR_PENDING) session.pending.push_back(memory);
    throw;
  }
}

// The kinds of operation.
struct Sign {
  using Init = fn::C_SignInit;
  using Run = fn::C_Sign;
  static constexpr CK_FLAGS flag = CKF_SIGN;
};
struct Verify {
  using Init = fn::C_VerifyInit;
  using Run = fn::C_Verify;
  static constexpr CK_FLAGS flag = CKF_VERIFY;
};
struct Digest {
  using Init = fn::C_DigestInit;
  using Run = fn::C_Digest;
  static constexpr CK_FLAGS flag = CKF_DIGEST;
};
struct Encrypt {
  using Init = fn::C_EncryptInit;
  using Run = fn::C_Encrypt;
  static constexpr CK_FLAGS flag = CKF_ENCRYPT;
};
struct Decrypt {
  using Init = fn::C_DecryptInit;
  using Run = fn::C_Decrypt;
  static constexpr CK_FLAGS flag = CKF_DECRYPT;
};

template <class Kind>
inline constexpr bool isVerify = std::is_same_v<Kind, Verify>;
template <class Kind>
inline constexpr KeyUse keyUse = isVerify<Kind> ? KeyUse::Verify : KeyUse::Sign;

// Init and operation with their arguments. The operation may use other roles than the function itself.
template <class Kind, class RunRoles = typename Kind::Run::Roles>
struct Steps {
  using Init = typename Kind::Init;
  using Run = typename Kind::Run;

  typename Init::Roles init;
  RunRoles run;
  std::optional<role::Pin> pin;  // of an always-authenticate key: a login for this operation only

  // Returns CKR_OK, or the code for an invalid signature. Throws any other failure after ending the
  // operation.
  CK_RV perform(Attachment& attachment, const std::shared_ptr<Session>& session) {
    Module& module = attachment.module();
    if constexpr (isVerify<Kind>) {
      if (const auto compared = compareMac(attachment, session)) return *compared;
    }
    const auto begin = [&] {
      KeyCheck keyCheck;
      CK_RV rv = checkKey(keyCheck, module, *session);
      if (rv == CKR_OK) rv = beginOperation(module, *session, [&] { return invokeOnce<Init>(module, init); });
      if (rv != CKR_OK) fail(attachment, session, rv, Init::name);
      if (pin) authenticate(attachment, session);
    };
    begin();
    CK_RV rv = invokeOnce<Run>(module, run);
    while (wantsAgain(run, rv)) {
      rv = invokeOnce<Run>(module, run);
      if (rv != CKR_OPERATION_NOT_INITIALIZED) continue;
      begin();  // CKR_BUFFER_TOO_SMALL ended the operation, against the specification
      rv = invokeOnce<Run>(module, run);
    }
    if (rv == CKR_OK) return rv;
    if (isVerify<Kind> && (rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE)) return rv;
    if constexpr (isVerify<Kind>) {
      if (isMac(std::get<1>(init).memory().type()) && meansWrongMac(module, rv)) {
        if (!endOperations(module, session->handle(), Kind::flag)) session->suspect = true;
        return CKR_SIGNATURE_INVALID;
      }
    }
    abort(attachment, session, rv, Run::name);
  }

 private:
  // Verifies a MAC by computing it; see MacComparison. Returns nothing for other signatures.
  std::optional<CK_RV> compareMac(Attachment& attachment, const std::shared_ptr<Session>& session) {
    auto& mechanism = std::get<1>(init).memory();
    if (!isMac(mechanism.type())) return std::nullopt;
    const auto [data, size] = std::get<1>(run).c();
    const auto [mac, length] = std::get<2>(run).c();
    const auto compared = macComparison_.run(attachment.module(), *session, mechanism.get(),
                                             std::get<2>(init).number, data, size, mac, length);
    if (compared && *compared != CKR_OK && *compared != CKR_SIGNATURE_INVALID)
      abort(attachment, session, *compared, fn::C_Sign::name, CKF_SIGN);
    return compared;
  }

  CK_RV checkKey(KeyCheck& keyCheck, const Module& module, const Session& session) {
    if constexpr (std::is_same_v<Kind, Sign> || isVerify<Kind>)
      return keyCheck.check(module, session, keyUse<Kind>, std::get<1>(init).memory().type(),
                            std::get<2>(init).number);
    else
      return CKR_OK;
  }

  void authenticate(Attachment& attachment, const std::shared_ptr<Session>& session) {
    const CK_RV rv = std::apply(
        [&](auto... arguments) {
          return attachment.module().call<&CK_FUNCTION_LIST_3_2::C_Login>(
              session->handle(), CK_USER_TYPE{CKU_CONTEXT_SPECIFIC}, arguments...);
        },
        pin->c());
    if (rv != CKR_OK) abort(attachment, session, rv, fn::C_Login::name);
  }

  // After an error: does not leave the operation active.
  [[noreturn]] static void abort(Attachment& attachment, const std::shared_ptr<Session>& session, CK_RV rv,
                                 const char* function, CK_FLAGS kind = Kind::flag) {
    if (rv == CKR_PENDING) fail(attachment, session, rv, function);  // it continues; see keepPending()
    if (!endOperations(attachment.module(), session->handle(), kind)) session->suspect = true;
    fail(attachment, session, rv, function);
  }
  [[noreturn]] static void fail(Attachment& attachment, const std::shared_ptr<Session>& session, CK_RV rv,
                                const char* function) {
    noteFailure(attachment, session, rv);
    throw Failure::returned(rv, function);
  }

  std::conditional_t<isVerify<Kind>, MacComparison, std::tuple<>> macComparison_;
};

// { mechanism, prefix?, length? }: digests the message on the token before it is signed or verified. Only the
// first `length` bytes of a longer digest are used, because a module may refuse more than the length of the
// order of a curve.
class DigestFirst {
 public:
  DigestFirst(Napi::Value value, const Argument& argument) {
    if (!value.IsObject()) argument.mustBe("an object { mechanism, prefix }", value);
    const auto object = value.As<Napi::Object>();
    std::get<1>(steps_.init).mechanism.readBrief(object.Get("mechanism"), argument.part(".mechanism"));
    const Napi::Value prefix = object.Get("prefix");
    if (!prefix.IsUndefined()) prefix_ = toBytes(prefix, argument.part(".prefix"));
    const Napi::Value length = object.Get("length");
    if (!length.IsUndefined()) longest_ = toUlong(length, argument.part(".length"));
  }

  // Replaces the message by the prefix and its digest.
  void replace(Bytes& message, Attachment& attachment, const std::shared_ptr<Session>& session) {
    auto& [runSession, data, digest] = steps_.run;
    std::get<0>(steps_.init).session = session;
    runSession.session = session;
    data.bytes = std::move(message);
    steps_.perform(attachment, session);
    const CK_ULONG length = std::min(digest.length, longest_);
    message = Bytes(prefix_.size() + length);
    std::memcpy(message.pointer(), prefix_.pointer(), prefix_.size());
    std::memcpy(message.pointer() + prefix_.size(), digest.buffer.data(), length);
    digest.trim();
  }

 private:
  Steps<Digest> steps_;
  Bytes prefix_;
  CK_ULONG longest_ = std::numeric_limits<CK_ULONG>::max();
};

}  // namespace cryptoki
