// RawModule: the JavaScript object of a loaded module, with one method per call.
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

class RawModule final : public Napi::ObjectWrap<RawModule> {
 public:
  using Body = Napi::Value (*)(RawModule& raw, const Napi::CallbackInfo& info);

  // How a method answers: with a promise, after blocking ("Sync" is added to its name), or at once without a
  // call.
  enum class Form : unsigned char { Promise, Sync, Immediate };
  struct Method {
    const char* name;
    Body body;
    Form form;
  };

  static void define(Napi::Env env);
  static Napi::Object create(Napi::Env env, const std::shared_ptr<Attachment>& attachment);

  explicit RawModule(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override;

  const std::shared_ptr<Attachment>& attachment() const { return attachment_; }

  static Napi::Value watchLogins(RawModule& raw, const Napi::CallbackInfo& info);

  // Queues the job, on its session where it has one, and returns its promise.
  static Napi::Value start(Napi::Env env, const std::shared_ptr<Job>& job,
                           const std::shared_ptr<Session>& session);

  // Runs the job on this thread if its session is free, else waits for its turn; returns its result.
  static Napi::Value complete(Napi::Env env, const std::shared_ptr<Job>& job,
                              const std::shared_ptr<Session>& session);

 private:
  Napi::Value dispatch(const Napi::CallbackInfo& info);

  // Holds nothing of JavaScript, since its last owner can be any thread.
  class LoginWatch final : public LoginWatcher {
   public:
    LoginWatch(std::shared_ptr<Channel> channel, std::uint64_t id) : channel_(std::move(channel)), id_(id) {}
    std::uint64_t id() const { return id_; }
    void loginChanged(CK_SLOT_ID slot) noexcept override;

   private:
    std::shared_ptr<Channel> channel_;
    std::uint64_t id_;
  };

  std::shared_ptr<Attachment> attachment_;
  std::shared_ptr<LoginWatch> loginWatch_;
};

// The methods, by chapter.
void defineCalls(std::vector<RawModule::Method>& methods);    // generated/calls.cc
void defineGeneral(std::vector<RawModule::Method>& methods);  // general.cc: C_Initialize, C_Finalize
void defineState(std::vector<RawModule::Method>& methods);    // state.cc: sessions and logins, without a call
void defineSessions(std::vector<RawModule::Method>& methods);    // session.cc: C_CloseAllSessions
void defineSlotEvents(std::vector<RawModule::Method>& methods);  // slot_event.cc: C_WaitForSlotEvent
void defineObjects(std::vector<RawModule::Method>& methods);  // object.cc: C_GetAttributeValue, findObjects
void defineOperations(
    std::vector<RawModule::Method>& methods);  // operation.cc: sign, verify, digest, encrypt, decrypt
void defineBatches(std::vector<RawModule::Method>& methods);     // batch/batch.cc: signMany and the like
void defineKeyObjects(std::vector<RawModule::Method>& methods);  // keyobject/methods.cc: references to keys
void defineDirect(std::vector<RawModule::Method>& methods);      // direct.cc: without a job

// Makes the two methods of a job class: `name` and `nameSync`. JobClass(attachment, info) reads the
// arguments; its session() is where it queues, or null.
template <class JobClass>
void defineJob(std::vector<RawModule::Method>& methods, const char* name) {
  methods.push_back({name,
                     [](RawModule& raw, const Napi::CallbackInfo& info) {
                       auto use = raw.attachment()->use(JobClass::name);
                       auto job = std::make_shared<JobClass>(raw.attachment(), info);
                       job->hold(std::move(use));
                       return RawModule::start(info.Env(), job, job->session());
                     },
                     RawModule::Form::Promise});
  methods.push_back({name,
                     [](RawModule& raw, const Napi::CallbackInfo& info) {
                       auto use = raw.attachment()->use(JobClass::name);
                       auto job = std::make_shared<JobClass>(raw.attachment(), info);
                       job->hold(std::move(use));
                       return RawModule::complete(info.Env(), job, job->session());
                     },
                     RawModule::Form::Sync});
}

}  // namespace cryptoki
