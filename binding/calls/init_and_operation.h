// Init function and single-part function as one step; all single-part operations use it.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "calls/end_operations.h"
#include "calls/key_check.h"
#include "calls/mac_comparison.h"
#include "calls/roles.h"
#include "generated/calls.h"
#include "marshal/number.h"
#include "module/login_steps.h"
#include "module/mac.h"

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

template <class Operation>
inline constexpr bool isSign = std::is_same_v<Operation, operation::Sign>;
template <class Operation>
inline constexpr bool isVerify = std::is_same_v<Operation, operation::Verify>;
template <class Operation>
inline constexpr bool isDigest = std::is_same_v<Operation, operation::Digest>;

// Returns CKR_OK, or the error that the Init function should return.
template <class Operation>
CK_RV checkKey(KeyCheck& keyCheck, const Module& module, const Session& session, CK_MECHANISM_TYPE mechanism,
               CK_OBJECT_HANDLE key) {
  if constexpr (isSign<Operation> || isVerify<Operation>)
    return keyCheck.check(module, session, isVerify<Operation> ? KeyUse::Verify : KeyUse::Sign, mechanism,
                          key);
  else
    return CKR_OK;
}

// Both functions with their arguments. SinglePartRoles may be other roles than those of the function itself.
template <class Operation, class SinglePartRoles = typename Operation::SinglePart::Roles>
struct InitAndOperation {
  using Init = typename Operation::Init;
  using SinglePart = typename Operation::SinglePart;

  typename Init::Roles init;
  SinglePartRoles singlePart;
  std::optional<role::Pin> pin;  // of an always-authenticate key: a login for this operation only

  void setSession(const std::shared_ptr<Session>& session) {
    init.session.session = session;
    singlePart.session.session = session;
  }

  // Returns CKR_OK, or the code for an invalid signature. Throws any other failure after ending the
  // operation.
  CK_RV perform(Attachment& attachment, const std::shared_ptr<Session>& session) {
    Module& module = attachment.module();
    if constexpr (isVerify<Operation>) {
      if (const auto compared = compareMac(attachment, session)) return *compared;
    }
    const auto begin = [&] {
      KeyCheck keyCheck;
      CK_RV rv = CKR_OK;
      if constexpr (!isDigest<Operation>)
        rv = checkKey<Operation>(keyCheck, module, *session, mechanism(), init.key.number);
      if (rv == CKR_OK) rv = beginOperation(module, session, [&] { return invokeOnce<Init>(module, init); });
      if (rv != CKR_OK) fail(attachment, session, rv, Init::name);
      if (pin) authenticate(attachment, session);
    };
    begin();
    CK_RV rv = invokeOnce<SinglePart>(module, singlePart);
    while (wantsAgain(singlePart, rv)) {
      rv = invokeOnce<SinglePart>(module, singlePart);
      if (rv != CKR_OPERATION_NOT_INITIALIZED) continue;
      begin();  // CKR_BUFFER_TOO_SMALL ended the operation, against the specification
      rv = invokeOnce<SinglePart>(module, singlePart);
    }
    if (rv == CKR_OK) return rv;
    if (isVerify<Operation> && (rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE)) return rv;
    if constexpr (isVerify<Operation>) {
      if (isMac(mechanism()) && module.quirks().meansWrongMac(rv)) {
        endOperations(module, session, Operation::flag);
        return CKR_SIGNATURE_INVALID;
      }
    }
    abort(attachment, session, rv, SinglePart::name);
  }

 private:
  CK_MECHANISM_TYPE mechanism() { return init.mechanism.memory().type(); }

  // Verifies a MAC by computing it; see MacComparison. Returns nothing for other signatures.
  std::optional<CK_RV> compareMac(Attachment& attachment, const std::shared_ptr<Session>& session) {
    if (!isMac(mechanism())) return std::nullopt;
    const auto [data, size] = singlePart.message().c();
    const auto [mac, length] = singlePart.result().c();
    const auto compared = macComparison_.run(attachment.module(), session, init.mechanism.memory().get(),
                                             init.key.number, data, size, mac, length);
    if (compared && *compared != CKR_OK && *compared != CKR_SIGNATURE_INVALID)
      abort(attachment, session, *compared, fn::C_Sign::name, operation::Sign::flag);
    return compared;
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
                                 const char* function, CK_FLAGS flag = Operation::flag) {
    if (rv == CKR_PENDING) fail(attachment, session, rv, function);  // it continues; see keepPending()
    endOperations(attachment.module(), session, flag);
    fail(attachment, session, rv, function);
  }
  [[noreturn]] static void fail(Attachment& attachment, const std::shared_ptr<Session>& session, CK_RV rv,
                                const char* function) {
    noteFailure(attachment, session, rv);
    throw Failure::returned(rv, function);
  }

  std::conditional_t<isVerify<Operation>, MacComparison, std::tuple<>> macComparison_;
};

// { mechanism, prefix?, length? }: digests the message on the token before it is signed or verified. Only the
// first `length` bytes of a longer digest are used, because a module may refuse more than the length of the
// order of a curve.
class DigestFirst {
 public:
  DigestFirst(Napi::Value value, const Argument& argument) {
    if (!value.IsObject()) argument.mustBe("an object { mechanism, prefix }", value);
    const auto object = value.As<Napi::Object>();
    digesting_.init.mechanism.mechanism.readFlat(object.Get("mechanism"), argument.part(".mechanism"));
    const Napi::Value prefix = object.Get("prefix");
    if (!prefix.IsUndefined()) prefix_ = toBytes(prefix, argument.part(".prefix"));
    const Napi::Value length = object.Get("length");
    if (!length.IsUndefined()) longest_ = toUlong(length, argument.part(".length"));
  }

  // Replaces the message by the prefix and its digest.
  void replace(Bytes& message, Attachment& attachment, const std::shared_ptr<Session>& session) {
    digesting_.setSession(session);
    digesting_.singlePart.data.bytes = std::move(message);
    digesting_.perform(attachment, session);
    auto& digest = digesting_.singlePart.digest;
    const CK_ULONG length = std::min(digest.length, longest_);
    message = Bytes(prefix_.size() + length);
    std::memcpy(message.pointer(), prefix_.pointer(), prefix_.size());
    std::memcpy(message.pointer() + prefix_.size(), digest.buffer.data(), length);
    digest.trim();
  }

 private:
  InitAndOperation<operation::Digest> digesting_;
  Bytes prefix_;
  CK_ULONG longest_ = std::numeric_limits<CK_ULONG>::max();
};

}  // namespace cryptoki
