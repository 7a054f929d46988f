// The native threads of the process. The pool does not use the four threads of libuv: a blocked HSM call must
// not stop file or DNS work.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/workload.h"

namespace cryptoki {

// A piece of work that a pool thread runs once.
class Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;
  virtual void run() noexcept = 0;

  // Measurements of similar calls (see workload.h). Null: the work always gets a thread.
  virtual Workload* workload() { return nullptr; }
};

// Delays delivery of finished jobs so that several are delivered in one wake-up.
class Gatherer {
 public:
  Gatherer() = default;
  Gatherer(const Gatherer&) = delete;
  Gatherer& operator=(const Gatherer&) = delete;
  virtual ~Gatherer() = default;
  // Delivers now.
  virtual void remind() noexcept = 0;
};

// Grows only when no thread is idle. After a time without work it shrinks to one thread, which always exists:
// when the system cannot create more threads, work waits for that one. The caller of post() never runs the
// work itself, because it may hold locks. All environments of the process share the pool. It is never
// destroyed and its threads are detached, so a call that blocks for ever cannot delay the exit.
class Pool {
 public:
  static Pool& get();

  // Runs `work` on a pool thread; in the order of posting when all threads are busy.
  void post(std::shared_ptr<Work> work);

  // Runs `work` on its own thread: for calls that wait for an event and would block a pool thread for ever.
  // The process exit does not wait for such a call. Throws std::system_error.
  void postBlocking(std::shared_ptr<Work> work);

  // Returns true when finished calls may be delivered in groups: similar calls wait for a core, so the next
  // one ends soon, and a wake-up of the JavaScript thread for each call would take that core from them. Queue
  // the finished job before the call; all registered gatherers are reminded a few milliseconds later at most.
  bool gathers() const { return gathering_; }
  // Returns true when a thread will remind the gatherers. If not, the pool starts one soon and the caller
  // must deliver now.
  bool watches();
  void add(const std::shared_ptr<Gatherer>& gatherer);

  // Process exit: starts no more work and waits for the calls in flight, for a limited time. Returns true
  // when all have returned.
  bool quiesce();

 private:
  class Worker;
  using Lock = std::unique_lock<std::mutex>;

  Pool();
  void work();
  void perform(Lock& lock, Worker& worker);
  bool linger(Lock& lock, const Worker& worker);

  // Returns true when there is work that may run now.
  bool hasNext() const;
  bool isLimited(Work& work) const;
  void enqueue(std::shared_ptr<Work> work);

  // The way in which one more thread comes to the queue. Decided under the lock, executed without it.
  enum class Help : unsigned char { None, Wake, Grow };
  Help needHelp();
  void call(Help help);

  // While limited calls wait for a core, one thread checks that the running ones do compute.
  bool needsWatch() const;
  void watch(Lock& lock);
  bool look();
  void release();
  void remind(Lock& lock);

  static constexpr std::size_t kMaxThreads = 512;

  const std::size_t cores_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable watch_;
  std::condition_variable quiet_;
  std::deque<std::shared_ptr<Work>> queue_;
  std::deque<std::shared_ptr<Work>> limited_;  // calls that compute and need a free core
  std::vector<Worker*> workers_;               // those that run limited work
  std::size_t deepest_ = 0;                    // most calls in limited_ since the last look
  std::size_t computing_ = 0;                  // workers_ that count as computing
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
  bool waking_ = false;  // a thread is on its way to the queue
  std::atomic<bool> watching_{false};
  std::atomic<bool> wanted_{false};  // a gatherer delays a delivery
  bool wasShort_ = false;            // the last computing call was short
  std::atomic<bool> gathering_{false};
  std::vector<std::weak_ptr<Gatherer>> gatherers_;

  bool lingering_ = false;           // a thread polls for work and does not sleep yet
  std::atomic<bool> posted_{false};  // the flag that it polls
  unsigned misses_ = 0;              // polls in a row that found nothing
  unsigned skip_ = 0;                // polls to leave out now

  bool stopping_ = false;
  bool hasGivenUp_ = false;              // the wait at exit for calls in flight timed out
  std::atomic<std::size_t> blocked_{0};  // threads of postBlocking()
};

}  // namespace cryptoki
