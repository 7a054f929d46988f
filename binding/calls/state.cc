// What the process knows of sessions and logins without a call, and the news of logins.
#include <memory>
#include <utility>

#include "calls/raw_module.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

std::shared_ptr<Session> openSession(RawModule& raw, const Napi::CallbackInfo& info, const char* function) {
  const Argument argument{*raw.attachment(), function, "session"};
  auto session = raw.attachment()->module().session(toUlong(info[0], argument));
  return session && session->isOpen() ? session : nullptr;
}

TokenState& tokenIn(RawModule& raw, const Napi::CallbackInfo& info, const char* function) {
  const Argument argument{*raw.attachment(), function, "slot"};
  return *raw.attachment()->module().token(toUlong(info[0], argument));
}

// (session) -> one of the CKS_ states, or undefined when it is closed.
Napi::Value sessionState(RawModule& raw, const Napi::CallbackInfo& info) {
  const auto session = openSession(raw, info, "sessionState");
  return session ? fromUlong(info.Env(), session->state()) : info.Env().Undefined();
}

// (session) -> a number that no other session of the process has or had, or undefined when it is closed.
Napi::Value sessionSerial(RawModule& raw, const Napi::CallbackInfo& info) {
  const auto session = openSession(raw, info, "sessionSerial");
  if (!session) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), static_cast<double>(session->serial()));
}

// (slot) -> how often the login on the slot's token has ended in this process.
Napi::Value loginEpoch(RawModule& raw, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(tokenIn(raw, info, "loginEpoch").epoch()));
}

// (slot) -> CKU_USER or CKU_SO, or undefined when nobody is logged in.
Napi::Value loggedIn(RawModule& raw, const Napi::CallbackInfo& info) {
  const Login login = tokenIn(raw, info, "loggedIn").login();
  if (login == Login::None) return info.Env().Undefined();
  return fromUlong(info.Env(), login == Login::SecurityOfficer ? CKU_SO : CKU_USER);
}

// The news of one changed login, on its way to the function given to watchLogins.
class LoginNews final : public Job {
 public:
  LoginNews(std::uint64_t watch, CK_SLOT_ID slot) : watch_(watch), slot_(slot) {}
  void execute() override {}

 protected:
  Napi::Value value(Napi::Env env) override {
    Environment::of(env).tellWatch(watch_, fromHandle(env, slot_));
    return env.Undefined();
  }

 private:
  std::uint64_t watch_;
  CK_SLOT_ID slot_;
};

}  // namespace

void RawModule::LoginWatch::loginChanged(CK_SLOT_ID slot) noexcept {
  channel_->complete(std::make_shared<LoginNews>(id_, slot));
}

// (callback | null)
Napi::Value RawModule::watchLogins(RawModule& raw, const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  const Argument argument{*raw.attachment_, "watchLogins", "callback"};
  if (!info[0].IsNull() && !info[0].IsFunction()) argument.mustBe("a function or null", info[0]);
  if (raw.loginWatch_) environment.removeWatch(raw.loginWatch_->id());
  raw.loginWatch_.reset();
  if (info[0].IsNull()) return info.Env().Undefined();
  const auto id = environment.addWatch(info[0].As<Napi::Function>());
  raw.loginWatch_ = std::make_shared<LoginWatch>(environment.channel(), id);
  raw.attachment_->module().loginWatchers().add(raw.loginWatch_);
  return info.Env().Undefined();
}

void defineState(std::vector<RawModule::Method>& methods) {
  methods.push_back({"sessionState", sessionState, RawModule::Form::Immediate});
  methods.push_back({"sessionSerial", sessionSerial, RawModule::Form::Immediate});
  methods.push_back({"loginEpoch", loginEpoch, RawModule::Form::Immediate});
  methods.push_back({"loggedIn", loggedIn, RawModule::Form::Immediate});
  methods.push_back({"watchLogins", RawModule::watchLogins, RawModule::Form::Immediate});
}

}  // namespace cryptoki
