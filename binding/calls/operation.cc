// Sign, verify, digest, encrypt, decrypt, and the forms with recovery, as one job each: Init function and
// operation. The digest of a key. No operation stays active afterwards.
#include <memory>
#include <optional>
#include <utility>

#include "calls/call.h"
#include "calls/init_and_operation.h"

namespace cryptoki {
namespace {

// The JavaScript arguments: those of the Init function, then those of the operation without its session. Then
// optionally { mechanism, prefix } of a digest for sign and verify, and a PIN for sign and decrypt.
template <class Operation>
class SinglePartJob final : public Job {
 public:
  static constexpr const char* name = Operation::SinglePart::name;

  SinglePartJob(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    operation_.init.mechanism.isFlat = true;
    auto next = readRoles<typename Operation::Init>(operation_.init, info, *attachment_);
    operation_.singlePart.session.session = session();
    next = readRoles<typename Operation::SinglePart>(operation_.singlePart, info, *attachment_, next, 1);
    if constexpr (!isVerify<Operation>)
      operation_.singlePart.result().prepareFor(operation_.init.mechanism.mechanism.type());
    if constexpr (isSign<Operation> || isVerify<Operation>) {
      if (!info[next].IsUndefined()) digestFirst_.emplace(info[next], Argument{*attachment_, name, "digest"});
      ++next;
    }
    if constexpr (isSign<Operation> || std::is_same_v<Operation, operation::Decrypt>) {
      if (!info[next].IsUndefined()) operation_.pin.emplace().read(info[next], {*attachment_, name, "pin"});
    }
  }

  std::shared_ptr<Session> session() const { return operation_.init.session.session; }

  bool isRefusable() const override { return true; }

  void execute() override {
    if (!session()->isOpen())
      return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, Operation::Init::name));
    keepPending(*session(), shared_from_this(), [this] {
      if (digestFirst_) digestFirst_->replace(operation_.singlePart.message().bytes, *attachment_, session());
      valid_ = operation_.perform(*attachment_, session()) == CKR_OK;
    });
    finishRoles(operation_.singlePart);
  }

 protected:
  Napi::Value value(Napi::Env env) override {
    if constexpr (isVerify<Operation>) {
      return Napi::Boolean::New(env, valid_);
    } else if constexpr (std::is_same_v<Operation, operation::Encrypt>) {
      const auto& out = operation_.singlePart.result();
      return Environment::of(env).result(out.buffer.data(), out.length);
    } else {
      return resultOf<typename Operation::SinglePart>(env, operation_.singlePart);
    }
  }
  void settle(Napi::Env /*env*/, bool succeeded) override { settleRoles(operation_.init, succeeded); }

 private:
  std::shared_ptr<Attachment> attachment_;
  InitAndOperation<Operation> operation_;
  std::optional<DigestFirst> digestFirst_;
  bool valid_ = false;
};

// (session, mechanism, key) -> the digest of the key's value: C_DigestInit, C_DigestKey, C_DigestFinal.
class DigestKeyJob final : public Job {
 public:
  static constexpr const char* name = "digestKey";

  DigestKeyJob(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    const auto next = readRoles<fn::C_DigestInit>(init_, info, *attachment_);
    key_.session.session = session();
    key_.key.read(info[next], {*attachment_, name, "key"});
    final_.session.session = session();
    readRoles<fn::C_DigestFinal>(final_, info, *attachment_, next, 1);
  }

  std::shared_ptr<Session> session() const { return init_.session.session; }

  bool isRefusable() const override { return true; }

  void execute() override {
    if (!session()->isOpen())
      return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, fn::C_DigestInit::name));
    Module& module = attachment_->module();
    keepPending(*session(), shared_from_this(), [&] {
      check(beginOperation(module, session(), [&] { return invokeOnce<fn::C_DigestInit>(module, init_); }),
            fn::C_DigestInit::name, false);
      check(invoke<fn::C_DigestKey>(module, key_), fn::C_DigestKey::name, true);
      check(invoke<fn::C_DigestFinal>(module, final_), fn::C_DigestFinal::name, true);
    });
    finishRoles(final_);
  }

 protected:
  Napi::Value value(Napi::Env env) override { return resultOf<fn::C_DigestFinal>(env, final_); }
  void settle(Napi::Env /*env*/, bool succeeded) override { settleRoles(init_, succeeded); }

 private:
  void check(CK_RV rv, const char* function, bool isActive) const {
    if (rv == CKR_OK) return;
    if (isActive && rv != CKR_PENDING) endOperations(attachment_->module(), session(), CKF_DIGEST);
    noteFailure(*attachment_, session(), rv);
    throw Failure::returned(rv, function);
  }

  std::shared_ptr<Attachment> attachment_;
  fn::C_DigestInit::Roles init_;
  fn::C_DigestKey::Roles key_;
  fn::C_DigestFinal::Roles final_;
};

// (session, flags of operations) -> true if all of them have ended
class EndOperations final : public Job {
 public:
  static constexpr const char* name = "endOperations";

  EndOperations(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    session_.read(info[0], {*attachment_, name, "session"});
    flags_.read(info[1], {*attachment_, name, "flags"});
  }

  std::shared_ptr<Session> session() const { return session_.session; }
  void execute() override {
    haveEnded_ = !session()->isOpen() || endOperations(attachment_->module(), session(), flags_.number);
  }

 protected:
  Napi::Value value(Napi::Env env) override { return Napi::Boolean::New(env, haveEnded_); }

 private:
  std::shared_ptr<Attachment> attachment_;
  role::Session session_;
  role::Ulong flags_;
  bool haveEnded_ = false;
};

}  // namespace

void defineOperations(std::vector<RawModule::Method>& methods) {
  defineJob<SinglePartJob<operation::Sign>>(methods, "sign");
  defineJob<SinglePartJob<operation::Verify>>(methods, "verify");
  defineJob<SinglePartJob<operation::Digest>>(methods, "digest");
  defineJob<SinglePartJob<operation::Encrypt>>(methods, "encrypt");
  defineJob<SinglePartJob<operation::Decrypt>>(methods, "decrypt");
  defineJob<SinglePartJob<operation::SignRecover>>(methods, "signRecover");
  defineJob<SinglePartJob<operation::VerifyRecover>>(methods, "verifyRecover");
  defineJob<DigestKeyJob>(methods, DigestKeyJob::name);
  defineJob<EndOperations>(methods, EndOperations::name);
}

}  // namespace cryptoki
