// One piece of native work that JavaScript requested. A job owns all memory that the call uses (input bytes,
// mechanism, attributes, outputs) and keeps the module alive through its attachment.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "error.h"
#include "napi_setup.h"
#include "runtime/pool.h"

namespace cryptoki {

class Channel;
class SessionQueue;

class Job : public Work, public std::enable_shared_from_this<Job> {
 public:
  // Calls the module and keeps the outcome. Runs on a native thread, or on the JavaScript thread for a
  // synchronous call. It must not touch JavaScript.
  virtual void execute() = 0;

  // Converts the outcome into a JavaScript value. Call it once, on the JavaScript thread. Throws the Failure
  // of execute().
  Napi::Value result(Napi::Env env) {
    settle(env, !failure_);
    if (failure_) throw Failure(*failure_);
    return value(env);
  }

  // Runs execute(), keeps any exception as the failure of the job, and announces the end.
  void run() noexcept override;
  // The same for a job of a session. May delay the announcement when more jobs wait for the session.
  void run(const SessionQueue& queue) noexcept;

  // Returns true when the job may be refused instead of run while it waits for its session.
  virtual bool isRefusable() const { return false; }
  void refuse() noexcept;

  // Sets the receiver of the outcome: the promise `deferred` of the environment behind `channel`
  // (asynchronous). Without it, the receiver is the thread in wait().
  void settleOn(std::shared_ptr<Channel> channel, napi_deferred deferred) {
    channel_ = std::move(channel);
    deferred_ = deferred;
  }
  napi_deferred deferred() const { return deferred_; }

  // Blocks until run() has ended. For synchronous calls that had to queue.
  void wait();

  // Keeps a lease (a use of an initialised module) until run() has ended. Keeping it until JavaScript has the
  // result would delay C_Finalize.
  void hold(std::shared_ptr<void> lease) { lease_ = std::move(lease); }

 protected:
  virtual Napi::Value value(Napi::Env env) = 0;
  // Uses and releases the JavaScript objects that the job holds. It may write to them only if the call
  // succeeded.
  virtual void settle(Napi::Env /*env*/, bool /*succeeded*/) {}
  void fail(Failure failure) { failure_ = std::move(failure); }

  // For jobs that do not end in run(): see CloseAll (calls/session.cc), WaitForSlotEvent
  // (calls/slot_event.cc).
  void executeQuietly() noexcept;
  // `patience`: the time for which the result may wait for other results, so that one wake-up delivers them
  // together.
  void announce(Workload::Clock::duration patience = {}) noexcept;

 private:
  std::optional<Failure> failure_;
  std::shared_ptr<Channel> channel_;
  napi_deferred deferred_ = nullptr;
  std::shared_ptr<void> lease_;

  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
};

}  // namespace cryptoki
