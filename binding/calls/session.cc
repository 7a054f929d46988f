// C_CloseAllSessions, openSession and refuseWaiting. C_CloseAllSessions waits for the calls in flight on
// every session of the token, because real modules crash otherwise.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "calls/raw_module.h"
#include "marshal/number.h"
#include "marshal/role.h"
#include "module/login_steps.h"

namespace cryptoki {
namespace {

class CloseAll final : public Job {
 public:
  static constexpr const char* name = "C_CloseAllSessions";

  CloseAll(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    role::Ulong slot;
    slot.read(info[0], {*attachment_, name, "slot"});
    token_ = attachment_->module().token(slot.number);
  }

  // Runs when every session in parked_ is held. If sessions were opened in the meantime, parks them too and
  // runs again.
  void run() noexcept override {
    Gate::Pass pass(token_->sessions, Gate::Mode::Alone);
    std::vector<std::shared_ptr<Session>> fresh;
    for (auto& session : attachment_->module().sessionsOn(token_->slot())) {
      if (std::find(parked_.begin(), parked_.end(), session) == parked_.end())
        fresh.push_back(std::move(session));
    }
    if (!fresh.empty()) {
      pass.leave();
      missing_ = fresh.size();
      parked_.insert(parked_.end(), fresh.begin(), fresh.end());
      const auto arrival = std::make_shared<Arrival>(std::static_pointer_cast<CloseAll>(shared_from_this()));
      for (const auto& session : fresh) session->queue().park(arrival);
      return;
    }
    executeQuietly();
    const bool isAlone = pass.isHeld();
    if (!isAlone) token_->doubt();
    pass.leave();
    for (const auto& session : parked_) session->queue().leave();
    token_->closingAll->leave();
    if (!isAlone) checkLogin(attachment_->module(), *token_);
    announce();
  }

  void execute() override {
    Module& module = attachment_->module();
    const CK_RV rv = module.call<&CK_FUNCTION_LIST_3_2::C_CloseAllSessions>(token_->slot());
    if (rv != CKR_OK) return fail(Failure::returned(rv, name));
    for (const auto& session : parked_) {
      module.closed(*session);
      attachment_->forget(session);
    }
    token_->loggedOut();
  }

  // The queue of the token in which CloseAll jobs wait for each other.
  const std::shared_ptr<TokenState>& token() const { return token_; }

 protected:
  Napi::Value value(Napi::Env env) override { return env.Undefined(); }

 private:
  // Counts one more session that is held.
  class Arrival final : public Work {
   public:
    explicit Arrival(std::shared_ptr<CloseAll> job) : job_(std::move(job)) {}
    void run() noexcept override {
      if (--job_->missing_ == 0) Pool::get().post(job_);
    }

   private:
    std::shared_ptr<CloseAll> job_;
  };

  std::shared_ptr<Attachment> attachment_;
  std::shared_ptr<TokenState> token_;
  std::vector<std::shared_ptr<Session>> parked_;
  std::atomic<std::size_t> missing_{0};
};

// (slot, flags) -> { handle, name, state }: C_OpenSession for the model. All three are read at the same
// moment; a session may be closed and its handle reused before JavaScript receives the result.
class OpenSession final : public Job {
 public:
  static constexpr const char* name = "C_OpenSession";

  OpenSession(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)),
        slot_(toUlong(info[0], {*attachment_, name, "slot"})),
        flags_(toUlong(info[1], {*attachment_, name, "flags"})) {}

  std::shared_ptr<Session> session() const { return nullptr; }

  void execute() override {
    const CK_RV rv = attachment_->open(slot_, flags_, session_);
    if (rv != CKR_OK) return fail(Failure::returned(rv, name));
    state_ = session_->state();
  }

 protected:
  Napi::Value value(Napi::Env env) override {
    auto object = Napi::Object::New(env);
    object.Set("handle", fromHandle(env, session_->handle()));
    object.Set("name", fromSessionName(env, session_->name()));
    object.Set("state", fromUlong(env, state_));
    return object;
  }

 private:
  std::shared_ptr<Attachment> attachment_;
  CK_SLOT_ID slot_;
  CK_FLAGS flags_;
  std::shared_ptr<Session> session_;
  CK_STATE state_ = 0;
};

// (session) -> the number of calls refused
Napi::Value refuseWaiting(RawModule& raw, const Napi::CallbackInfo& info) {
  const SessionName name = toSessionName(info[0], {*raw.attachment(), "refuseWaiting", "session"});
  const auto session = raw.attachment()->module().session(name);
  const std::size_t refused = session ? session->queue().refuseWaiting() : 0;
  return Napi::Number::New(info.Env(), static_cast<double>(refused));
}

}  // namespace

void defineSessions(std::vector<RawModule::Method>& methods) {
  methods.push_back({"refuseWaiting", refuseWaiting, RawModule::Form::Immediate});
  defineJob<OpenSession>(methods, "openSession");
  methods.push_back({CloseAll::name,
                     [](RawModule& raw, const Napi::CallbackInfo& info) -> Napi::Value {
                       const auto job = makeJob<CloseAll>(raw, info);
                       const Napi::Promise promise = Environment::of(info.Env()).promise(*job);
                       job->token()->closingAll->park(job);
                       return promise;
                     },
                     RawModule::Form::Promise});
  methods.push_back({CloseAll::name,
                     [](RawModule& raw, const Napi::CallbackInfo& info) -> Napi::Value {
                       const auto job = makeJob<CloseAll>(raw, info);
                       job->token()->closingAll->park(job);
                       job->wait();
                       return job->result(info.Env());
                     },
                     RawModule::Form::Sync});
}

}  // namespace cryptoki
