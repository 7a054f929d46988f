// The recorded state of sessions and logins, read without a call into the module, and notifications of
// logins.
#include <memory>
#include <utility>

#include "calls/raw_module.h"
#include "calls/sync_fast_path.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

CK_ULONG firstHandle(const Arguments& arguments, const char* function, const char* name) {
  CK_ULONG handle = 0;
  if (arguments.handle(0, handle)) return handle;
  return toUlong(arguments.value(0), {arguments.fastPath().attachment(), function, name});
}

std::shared_ptr<Session> openSession(const Arguments& arguments, const char* function) {
  SessionName name;
  if (!arguments.sessionName(0, name)) name.handle = firstHandle(arguments, function, "session");
  auto session = arguments.fastPath().attachment().module().session(name);
  return session && session->isOpen() ? session : nullptr;
}

TokenState& tokenIn(const Arguments& arguments, const char* function) {
  return *arguments.fastPath().attachment().module().token(firstHandle(arguments, function, "slot"));
}

// (session) -> one of the CKS_ states, or undefined when the session is closed.
napi_value sessionState(const Arguments& arguments) {
  const auto session = openSession(arguments, "sessionState");
  return session ? arguments.number(session->state()) : nullptr;
}

// (session) -> a number that is unique among all sessions of the process, or undefined when the session is
// closed.
napi_value sessionSerial(const Arguments& arguments) {
  const auto session = openSession(arguments, "sessionSerial");
  return session ? arguments.number(session->serial()) : nullptr;
}

// (slot) -> the number of times that the login on the slot's token has ended in this process.
napi_value loginEpoch(const Arguments& arguments) {
  return arguments.number(tokenIn(arguments, "loginEpoch").epoch());
}

// (slot) -> CKU_USER or CKU_SO, or undefined without a login.
napi_value loggedIn(const Arguments& arguments) {
  const Login login = tokenIn(arguments, "loggedIn").login();
  if (login == Login::None) return nullptr;
  return arguments.number(login == Login::SecurityOfficer ? CKU_SO : CKU_USER);
}

// Notifies the callback of watchLogins of one changed login.
class LoginChange final : public Job {
 public:
  LoginChange(std::uint64_t watch, CK_SLOT_ID slot) : watch_(watch), slot_(slot) {}
  void execute() override {}

 protected:
  Napi::Value value(Napi::Env env) override {
    Environment::of(env).callWatch(watch_, fromHandle(env, slot_));
    return env.Undefined();
  }

 private:
  std::uint64_t watch_;
  CK_SLOT_ID slot_;
};

}  // namespace

void RawModule::LoginWatch::loginChanged(CK_SLOT_ID slot) noexcept {
  channel_->complete(std::make_shared<LoginChange>(id_, slot));
}

// (callback | null): sets or removes the function that receives login changes.
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

void defineStateFunctions(Napi::Object object, const std::shared_ptr<SyncFastPath>& fastPath) {
  defineFastFunction<sessionState>(object, "sessionState", fastPath);
  defineFastFunction<sessionSerial>(object, "sessionSerial", fastPath);
  defineFastFunction<loginEpoch>(object, "loginEpoch", fastPath);
  defineFastFunction<loggedIn>(object, "loggedIn", fastPath);
}

void defineState(std::vector<RawModule::Method>& methods) {
  methods.push_back({"watchLogins", RawModule::watchLogins, RawModule::Form::Immediate});
}

}  // namespace cryptoki
