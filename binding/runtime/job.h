// One piece of native work that JavaScript asked for. A job owns all it touches: input bytes, mechanism and
// attribute memory, outputs, and (through its attachment) the module.
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
  // Does the calls into the module and keeps their outcome. Runs on a native thread, or on the JavaScript
  // thread for a synchronous call; never touches JavaScript.
  virtual void execute() = 0;

  // Turns the outcome into a JavaScript value. Runs on the JavaScript thread, once. Throws the Failure of
  // execute().
  Napi::Value result(Napi::Env env) {
    settle(env, !failure_);
    if (failure_) throw Failure(*failure_);
    return value(env);
  }

  // execute() with every exception kept as the job's failure, then the end of the job announced.
  void run() noexcept override;
  // The same for a job of a session, which may have more to do.
  void run(const SessionQueue& queue) noexcept;

  // Whether it may be refused instead of being run, while it waits for its session.
  virtual bool isRefusable() const { return false; }
  void refuse() noexcept;

  // Whom to tell: the promise `deferred` of the environment behind `channel` (asynchronous), or the thread in
  // wait().
  void settleOn(std::shared_ptr<Channel> channel, napi_deferred deferred) {
    channel_ = std::move(channel);
    deferred_ = deferred;
  }
  napi_deferred deferred() const { return deferred_; }

  // Blocks until run() has ended; for synchronous calls that had to queue.
  void wait();

  // Keeps something (a use of an initialised module) until run() has ended, not until JavaScript has the
  // result.
  void hold(std::shared_ptr<void> lease) { lease_ = std::move(lease); }

 protected:
  virtual Napi::Value value(Napi::Env env) = 0;
  // Uses what belongs to the JavaScript thread, if the call succeeded, and lets it go.
  virtual void settle(Napi::Env /*env*/, bool /*succeeded*/) {}
  void fail(Failure failure) { failure_ = std::move(failure); }

  // For jobs that end later than their run(), on another thread: see Module::closeAllSessions.
  void executeQuietly() noexcept;
  // `patience`: so long it may wait for the next, to be told of with it.
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
