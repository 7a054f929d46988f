// deriveValue: derives a key and reads its value, as one job. Nothing stays on the token, whatever fails.
#include <algorithm>
#include <memory>
#include <utility>

#include "calls/call.h"
#include "calls/init_and_operation.h"
#include "generated/calls.h"
#include "marshal/sizes.h"

namespace cryptoki {
namespace {

using List = CK_FUNCTION_LIST_3_2;

// (session, mechanism, baseKey, template, length) -> the first `length` bytes of the value; 0 means all.
class DeriveValue final : public Job {
 public:
  static constexpr const char* name = "deriveValue";

  DeriveValue(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    const auto next = readRoles<fn::C_DeriveKey>(roles_, info, *attachment_);
    length_.read(info[next], {*attachment_, name, "length"});
  }

  std::shared_ptr<Session> session() const { return roles_.session.session; }

  bool isRefusable() const override { return true; }

  void execute() override {
    if (!session()->isOpen())
      return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, fn::C_DeriveKey::name));
    keepPending(*session(), shared_from_this(), [this] {
      check(invoke<fn::C_DeriveKey>(attachment_->module(), roles_), fn::C_DeriveKey::name);
      try {
        readValue();
      } catch (...) {
        destroy();
        throw;
      }
      check(destroy(), fn::C_DestroyObject::name);
    });
  }

 protected:
  Napi::Value value(Napi::Env env) override { return fromBytes(env, value_.data(), value_.size()); }
  void settle(Napi::Env /*env*/, bool succeeded) override { settleRoles(roles_, succeeded); }

 private:
  void readValue() {
    const auto unchanged = attachment_->module().readingAttributes();
    CK_ATTRIBUTE attribute{CKA_VALUE, nullptr, 0};
    check(getAttribute(attribute), fn::C_GetAttributeValue::name);
    const auto size = believed(attribute.ulValueLen, kMostAttributeBytes);
    if (!size || *size == 0)
      throw Failure::returned(CKR_GENERAL_ERROR, fn::C_GetAttributeValue::name,
                              "the module did not return the length of the derived value");
    Bytes whole = Bytes::zeros(*size);
    attribute = {CKA_VALUE, whole.data(), static_cast<CK_ULONG>(whole.size())};
    check(getAttribute(attribute), fn::C_GetAttributeValue::name);
    const auto written = believed(attribute.ulValueLen, whole.size());
    const std::size_t wanted = length_.number == 0 ? written.value_or(0) : length_.number;
    if (!written || *written < wanted || wanted == 0)
      throw Failure::returned(CKR_GENERAL_ERROR, fn::C_GetAttributeValue::name,
                              "the derived value is shorter than the requested length");
    value_ = Bytes(whole.data(), wanted);
  }

  CK_RV getAttribute(CK_ATTRIBUTE& attribute) const {
    return attachment_->module().call<&List::C_GetAttributeValue>(session()->handle(), roles_.key.handle,
                                                                  &attribute, CK_ULONG{1});
  }

  CK_RV destroy() const {
    return attachment_->module().call<&List::C_DestroyObject>(session()->handle(), roles_.key.handle);
  }

  void check(CK_RV rv, const char* function) const {
    if (rv == CKR_OK) return;
    noteFailure(*attachment_, session(), rv);
    throw Failure::returned(rv, function);
  }

  std::shared_ptr<Attachment> attachment_;
  fn::C_DeriveKey::Roles roles_;
  role::Ulong length_;
  Bytes value_;
};

}  // namespace

void defineDerivation(std::vector<RawModule::Method>& methods) {
  defineJob<DeriveValue>(methods, DeriveValue::name);
}

}  // namespace cryptoki
