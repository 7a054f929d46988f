// Sign, verify, digest, encrypt and decrypt as one job each: Init and the operation, nothing left open after
// it.
#include <memory>
#include <tuple>
#include <utility>

#include "calls/call.h"
#include "calls/cancel.h"
#include "generated/calls.h"

namespace cryptoki {
namespace {

// The arguments in JavaScript are those of the Init function, then those of the operation without its
// session.
template <class Kind>
class Operation final : public Job {
  using Init = typename Kind::Init;
  using Run = typename Kind::Run;

 public:
  static constexpr const char* name = Run::name;

  Operation(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    const auto next = readRoles<Init>(init_, info, *attachment_);
    std::get<0>(run_).session = session();
    readRoles<Run>(run_, info, *attachment_, next, 1);
  }

  std::shared_ptr<Session> session() const { return std::get<0>(init_).session; }

  void execute() override {
    if (!session()->isOpen()) return failed(CKR_SESSION_HANDLE_INVALID, Init::name);
    if (const CK_RV rv = begin(); rv != CKR_OK) return failed(rv, Init::name);
    CK_RV rv = operate();
    while (wantsAgain(run_, rv)) {
      rv = operate();
      if (rv != CKR_OPERATION_NOT_INITIALIZED) continue;
      // CKR_BUFFER_TOO_SMALL ended the operation, against the specification: once more from the beginning.
      if (rv = begin(); rv != CKR_OK) return failed(rv, Init::name);
      rv = operate();
    }
    if constexpr (Kind::isVerify) {
      valid_ = rv == CKR_OK;
      if (rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE) rv = CKR_OK;
    }
    if (rv == CKR_OK) return;
    if (!endOperations(attachment_->module(), session()->handle(), Kind::flag)) session()->suspect = true;
    failed(rv, Run::name);
  }

 protected:
  Napi::Value value(Napi::Env env) override {
    if constexpr (Kind::isVerify)
      return Napi::Boolean::New(env, valid_);
    else
      return resultOf<Run>(env, run_);
  }

 private:
  CK_RV begin() {
    return beginOperation(attachment_->module(), *session(),
                          [this] { return invokeOnce<Init>(attachment_->module(), init_); });
  }
  CK_RV operate() { return invokeOnce<Run>(attachment_->module(), run_); }
  void failed(CK_RV rv, const char* function) {
    noteSessionLoss(*attachment_, session(), rv);
    fail(Failure::returned(rv, function));
  }

  std::shared_ptr<Attachment> attachment_;
  typename Init::Roles init_;
  typename Run::Roles run_;
  bool valid_ = false;
};

struct Sign {
  using Init = fn::C_SignInit;
  using Run = fn::C_Sign;
  static constexpr CK_FLAGS flag = CKF_SIGN;
  static constexpr bool isVerify = false;
};
struct Verify {
  using Init = fn::C_VerifyInit;
  using Run = fn::C_Verify;
  static constexpr CK_FLAGS flag = CKF_VERIFY;
  static constexpr bool isVerify = true;
};
struct Digest {
  using Init = fn::C_DigestInit;
  using Run = fn::C_Digest;
  static constexpr CK_FLAGS flag = CKF_DIGEST;
  static constexpr bool isVerify = false;
};
struct Encrypt {
  using Init = fn::C_EncryptInit;
  using Run = fn::C_Encrypt;
  static constexpr CK_FLAGS flag = CKF_ENCRYPT;
  static constexpr bool isVerify = false;
};
struct Decrypt {
  using Init = fn::C_DecryptInit;
  using Run = fn::C_Decrypt;
  static constexpr CK_FLAGS flag = CKF_DECRYPT;
  static constexpr bool isVerify = false;
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
