// Sign, verify, digest, encrypt and decrypt as one job each: Init function and operation. No operation stays
// active afterwards.
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "calls/steps.h"

namespace cryptoki {
namespace {

// The JavaScript arguments: those of the Init function, then those of the operation without its session. Then
// optionally { mechanism, prefix } of a digest for sign and verify, and a PIN for sign and decrypt.
template <class Kind>
class Operation final : public Job {
 public:
  static constexpr const char* name = Kind::Run::name;

  Operation(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    std::get<1>(steps_.init).isBrief = true;
    auto next = readRoles<typename Kind::Init>(steps_.init, info, *attachment_);
    std::get<0>(steps_.run).session = session();
    next = readRoles<typename Kind::Run>(steps_.run, info, *attachment_, next, 1);
    if constexpr (std::is_same_v<Kind, Sign>) {
      // NSS requires a buffer of exactly the length of an Ed25519 signature. For Ed448 the module asks for a
      // larger one.
      if (std::get<1>(steps_.init).mechanism.type() == CKM_EDDSA)
        std::get<2>(steps_.run).prepareExactly(kEd25519Signature);
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

  bool isRefusable() const override { return true; }

  void execute() override {
    if (!session()->isOpen()) return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, Kind::Init::name));
    keepPending(*session(), shared_from_this(), [this] {
      if (digestFirst_) digestFirst_->replace(std::get<1>(steps_.run).bytes, *attachment_, session());
      valid_ = steps_.perform(*attachment_, session()) == CKR_OK;
    });
    finishRoles(steps_.run);
  }

 protected:
  Napi::Value value(Napi::Env env) override {
    if constexpr (isVerify<Kind>) {
      return Napi::Boolean::New(env, valid_);
    } else if constexpr (std::is_same_v<Kind, Encrypt>) {
      const auto& out = std::get<2>(steps_.run);
      return Environment::of(env).result(out.buffer.data(), out.length);
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
