// RawModule: the JavaScript object of a loaded module, with one method per call.
//
// A method works in this order: it checks that the module is initialised, reads the arguments (getters and
// proxies run JavaScript, which may close, finalise or detach anything), and only then claims the module. If
// it held a claim while JavaScript runs, C_FinalizeSync in a getter would wait for itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "environment.h"
#include "module/attachment.h"
#include "napi_setup.h"
#include "runtime/job.h"

namespace cryptoki {

class RawModule final {
 public:
  using Body = Napi::Value (*)(RawModule& raw, const Napi::CallbackInfo& info);

  // The way in which a method returns its result: as a promise, after blocking (adds "Sync" to its name), or
  // at once, without a call into the module.
  enum class Form : unsigned char { Promise, Sync, Immediate };
  struct Method {
    const char* name;
    Body body;
    Form form;
  };

  static void define(Napi::Env env);
  static Napi::Object create(Napi::Env env, const std::shared_ptr<Attachment>& attachment);

  RawModule(Environment& environment, std::shared_ptr<Attachment> attachment);
  RawModule(const RawModule&) = delete;
  RawModule& operator=(const RawModule&) = delete;
  // Runs when the JavaScript object is garbage-collected, or when the environment ends.
  ~RawModule();

  const std::shared_ptr<Attachment>& attachment() const { return attachment_; }

  static Napi::Value watchLogins(RawModule& raw, const Napi::CallbackInfo& info);

  // Queues the job, on its session if it has one, and returns its promise.
  static Napi::Value start(Napi::Env env, const std::shared_ptr<Job>& job,
                           const std::shared_ptr<Session>& session);

  // Runs the job on this thread if its session is free, otherwise waits for its turn. Returns the result.
  static Napi::Value complete(Napi::Env env, const std::shared_ptr<Job>& job,
                              const std::shared_ptr<Session>& session);

 private:
  static RawModule& of(const Napi::CallbackInfo& info);
  static napi_value construct(napi_env env, napi_callback_info info) noexcept;
  static napi_value dispatch(napi_env env, napi_callback_info info) noexcept;

  // Holds no JavaScript object, because any thread can destroy it.
  class LoginWatch final : public LoginWatcher {
   public:
    LoginWatch(std::shared_ptr<Channel> channel, std::uint64_t id) : channel_(std::move(channel)), id_(id) {}
    std::uint64_t id() const { return id_; }
    void loginChanged(CK_SLOT_ID slot) noexcept override;

   private:
    std::shared_ptr<Channel> channel_;
    std::uint64_t id_;
  };

  Environment& environment_;
  std::shared_ptr<Channel> channel_;
  std::shared_ptr<Attachment> attachment_;
  std::shared_ptr<LoginWatch> loginWatch_;
};

// The methods, by topic.
void defineCalls(std::vector<RawModule::Method>& methods);    // generated/calls.cc
void defineGeneral(std::vector<RawModule::Method>& methods);  // general.cc: C_Initialize, C_Finalize
void defineState(std::vector<RawModule::Method>& methods);    // state.cc: sessions and logins, without a call
void defineSessions(std::vector<RawModule::Method>& methods);    // session.cc: C_CloseAllSessions
void defineSlotEvents(std::vector<RawModule::Method>& methods);  // slot_event.cc: C_WaitForSlotEvent
void defineObjects(std::vector<RawModule::Method>& methods);  // object.cc: C_GetAttributeValue, findObjects
void defineOperations(
    std::vector<RawModule::Method>& methods);  // operation.cc: sign, verify, digest, encrypt, decrypt
void defineDerivation(std::vector<RawModule::Method>& methods);  // derivation.cc: deriveValue
void defineBatches(std::vector<RawModule::Method>& methods);     // batch/batch.cc: signMany, verifyMany ...
void defineKeyObjects(
    std::vector<RawModule::Method>& methods);  // openssl_provider/methods.cc: references to keys
void defineSyncFastPath(std::vector<RawModule::Method>& methods);  // sync_fast_path.cc: without a job

// Creates a job with its arguments and its claim to the module, in the order described at the top of this
// file.
template <class JobClass>
std::shared_ptr<JobClass> makeJob(RawModule& raw, const Napi::CallbackInfo& info) {
  raw.attachment()->checkReady(JobClass::name);
  auto job = std::make_shared<JobClass>(raw.attachment(), info);
  job->hold(raw.attachment()->use(JobClass::name));
  return job;
}

// Defines the two methods of a job class: `name` and `nameSync`. JobClass(attachment, info) reads the
// arguments; its session() is the session to queue on, or null.
template <class JobClass>
void defineJob(std::vector<RawModule::Method>& methods, const char* name) {
  methods.push_back({name,
                     [](RawModule& raw, const Napi::CallbackInfo& info) {
                       const auto job = makeJob<JobClass>(raw, info);
                       return RawModule::start(info.Env(), job, job->session());
                     },
                     RawModule::Form::Promise});
  methods.push_back({name,
                     [](RawModule& raw, const Napi::CallbackInfo& info) {
                       const auto job = makeJob<JobClass>(raw, info);
                       return RawModule::complete(info.Env(), job, job->session());
                     },
                     RawModule::Form::Sync});
}

}  // namespace cryptoki
