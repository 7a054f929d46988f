// Delivers finished jobs to the JavaScript thread of their environment. One wake-up settles all jobs that
// have finished.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "napi_setup.h"
#include "runtime/pool.h"

namespace cryptoki {

class Environment;
class Job;

// The environment and every job in flight share the channel, so a job may finish after its environment has
// ended.
class Channel final : public Gatherer {
 public:
  using Clock = Workload::Clock;

  explicit Channel(Environment& environment);

  // JavaScript thread: counts one more promise that waits for this channel. The process stays alive until it
  // is settled.
  void expect();

  // Any thread: delivers a job that has ended, or a notification for which no promise waits. Drops it after
  // close(). `patience`: the time for which it may wait for other jobs, so that one wake-up delivers them
  // together.
  void complete(std::shared_ptr<Job> job, Clock::duration patience = {}) noexcept;

  // Any thread: deletes a reference to a JavaScript object, on the JavaScript thread. The caller cannot
  // recognise that thread by its id, because the system reuses thread ids.
  void letGo(napi_ref reference) noexcept;

  // JavaScript thread, environment teardown: nothing is delivered after this call.
  void close() noexcept;
  // Any thread.
  bool isClosed() noexcept;
  void remind() noexcept override;

 private:
  static void wake(napi_env env, napi_value callback, void* context, void* data);
  void drain(napi_env env) noexcept;

  Environment& environment_;  // used on the JavaScript thread only, while the channel is open
  napi_threadsafe_function function_ = nullptr;
  std::atomic<std::size_t> expected_{0};  // promises that wait
  // JavaScript thread only: finished jobs that are being settled.
  std::vector<std::shared_ptr<Job>> settling_;
  std::size_t settled_ = 0;

  std::mutex mutex_;
  std::vector<std::shared_ptr<Job>> finished_;
  std::vector<napi_ref> released_;  // to be deleted
  Clock::time_point heldSince_;
  bool scheduled_ = false;
  bool closed_ = false;
  std::atomic<int> calling_{0};  // threads that are in a call of function_
};

}  // namespace cryptoki
