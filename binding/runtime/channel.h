// How finished jobs reach the JavaScript thread of their environment: one wake-up settles all that have
// finished.
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

// Shared by the environment and by every job in flight, so a job may finish after its environment is gone.
class Channel final : public Gatherer {
 public:
  using Clock = Workload::Clock;

  explicit Channel(Environment& environment);

  // JavaScript thread: a promise is now waiting for this channel; the process stays alive until it is
  // settled.
  void expect();

  // Any thread: the job has ended, or brings news that nobody awaits. Dropped when the environment has closed
  // the channel. `patience`: so long it may wait for the next, to be told of with it.
  void complete(std::shared_ptr<Job> job, Clock::duration patience = {}) noexcept;

  // Any thread: deletes a reference to a JavaScript object, on the JavaScript thread. Only that thread may do
  // it, and the id of a thread does not tell which one that is: it is given to another thread afterwards.
  void letGo(napi_ref reference) noexcept;

  // JavaScript thread, environment teardown: nothing is delivered any more.
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
  // JavaScript thread only: finished jobs on their way to them.
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
