// Sign, verify, digest, encrypt and decrypt as one job each: Init and the operation, nothing left open after
// it.
#include <cstring>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "calls/call.h"
#include "calls/cancel.h"
#include "generated/calls.h"

namespace cryptoki {
namespace {

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
constexpr bool isVerify = std::is_same_v<Kind, Verify>;

// Init and operation with their arguments.
template <class Kind>
struct Steps {
  using Init = typename Kind::Init;
  using Run = typename Kind::Run;

  typename Init::Roles init;
  typename Run::Roles run;
  std::optional<role::Pin> pin;  // of a key that is always authenticated: logs in for this operation only

  // Returns CKR_OK, or that a signature is wrong. Throws any other failure, after having ended the operation.
  CK_RV perform(Attachment& attachment, const std::shared_ptr<Session>& session) {
    Module& module = attachment.module();
    const auto begin = [&] {
      const CK_RV rv = beginOperation(module, *session, [&] { return invokeOnce<Init>(module, init); });
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
    abort(attachment, session, rv, Run::name);
  }

 private:
  void authenticate(Attachment& attachment, const std::shared_ptr<Session>& session) {
    const CK_RV rv = std::apply(
        [&](auto... arguments) {
          return attachment.module().call<&CK_FUNCTION_LIST_3_2::C_Login>(
              session->handle(), CK_USER_TYPE{CKU_CONTEXT_SPECIFIC}, arguments...);
        },
        pin->c());
    if (rv != CKR_OK) abort(attachment, session, rv, fn::C_Login::name);
  }

  // After an error: nothing stays half-open.
  [[noreturn]] static void abort(Attachment& attachment, const std::shared_ptr<Session>& session, CK_RV rv,
                                 const char* function) {
    if (!endOperations(attachment.module(), session->handle(), Kind::flag)) session->suspect = true;
    fail(attachment, session, rv, function);
  }
  [[noreturn]] static void fail(Attachment& attachment, const std::shared_ptr<Session>& session, CK_RV rv,
                                const char* function) {
    noteFailure(attachment, session, rv);
    throw Failure::returned(rv, function);
  }
};

// { mechanism, prefix? }: the message is digested on the token before it is signed or verified.
class DigestFirst {
 public:
  DigestFirst(Napi::Value value, const Argument& argument) {
    if (!value.IsObject()) argument.mustBe("an object { mechanism, prefix }", value);
    const auto object = value.As<Napi::Object>();
    std::get<1>(steps_.init).read(object.Get("mechanism"), argument.part(".mechanism"));
    const Napi::Value prefix = object.Get("prefix");
    if (!prefix.IsUndefined()) prefix_ = toBytes(prefix, argument.part(".prefix"));
  }

  // Puts prefix and digest in the place of the message.
  void replace(Bytes& message, Attachment& attachment, const std::shared_ptr<Session>& session) {
    auto& [runSession, data, digest] = steps_.run;
    std::get<0>(steps_.init).session = session;
    runSession.session = session;
    data.bytes = std::move(message);
    digest.prepare(0);
    steps_.perform(attachment, session);
    message = Bytes(prefix_.size() + digest.length);
    std::memcpy(message.pointer(), prefix_.pointer(), prefix_.size());
    std::memcpy(message.pointer() + prefix_.size(), digest.buffer.data(), digest.length);
  }

 private:
  Steps<Digest> steps_;
  Bytes prefix_;
};

// The arguments in JavaScript are those of the Init function, those of the operation without its session, and
// for sign and verify { mechanism, prefix } of a digest, for sign and decrypt a PIN; the last two may be left
// out.
template <class Kind>
class Operation final : public Job {
 public:
  static constexpr const char* name = Kind::Run::name;

  Operation(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    auto next = readRoles<typename Kind::Init>(steps_.init, info, *attachment_);
    std::get<0>(steps_.run).session = session();
    next = readRoles<typename Kind::Run>(steps_.run, info, *attachment_, next, 1);
    if constexpr (std::is_same_v<Kind, Sign>) {
      // NSS wants a buffer of exactly the length of an Ed25519 signature. For Ed448 the module asks for more.
      constexpr std::size_t kEd25519 = 64;
      if (std::get<1>(steps_.init).mechanism.type() == CKM_EDDSA)
        std::get<2>(steps_.run).buffer.resize(kEd25519);
    }
    if constexpr (std::is_same_v<Kind, Sign> || std::is_same_v<Kind, Verify>) {
      if (!info[next].IsUndefined()) digestFirst_.emplace(info[next], Argument{*attachment_, name, "digest"});
      ++next;
    }
    if constexpr (std::is_same_v<Kind, Sign> || std::is_same_v<Kind, Decrypt>) {
      if (!info[next].IsUndefined()) steps_.pin.emplace().read(info[next], {*attachment_, name, "pin"});
    }
  }

  std::shared_ptr<Session> session() const { return std::get<0>(steps_.init).session; }

  void execute() override {
    if (!session()->isOpen()) return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, Kind::Init::name));
    if (digestFirst_) digestFirst_->replace(std::get<1>(steps_.run).bytes, *attachment_, session());
    valid_ = steps_.perform(*attachment_, session()) == CKR_OK;
  }

 protected:
  Napi::Value value(Napi::Env env) override {
    if constexpr (isVerify<Kind>) {
      return Napi::Boolean::New(env, valid_);
    } else {
      return resultOf<typename Kind::Run>(env, steps_.run);
    }
  }
  void settle(Napi::Env /*env*/, bool succeeded) override { settleRoles(steps_.init, succeeded); }

 private:
  std::shared_ptr<Attachment> attachment_;
  Steps<Kind> steps_;
  std::optional<DigestFirst> digestFirst_;
  bool valid_ = false;
};

}  // namespace

void defineOperations(std::vector<RawModule::Method>& methods) {
  defineJob<Operation<Sign>>(methods, "sign");
  defineJob<Operation<Verify>>(methods, "verify");
  defineJob<Operation<Digest>>(methods, "digest");
  defineJob<Operation<Encrypt>>(methods, "encrypt");
  defineJob<Operation<Decrypt>>(methods, "decrypt");
}

}  // namespace cryptoki
