// The process's native threads. Node's own four are never used: one blocked HSM call must not stop file or
// DNS work.
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

// Something a pool thread runs once.
class Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;
  virtual void run() noexcept = 0;

  // What is known of calls like those of this work; null: it gets a thread in any case.
  virtual Workload* workload() { return nullptr; }
};

// Who holds back what could be told at once, because more of it is about to come.
class Gatherer {
 public:
  Gatherer() = default;
  Gatherer(const Gatherer&) = delete;
  Gatherer& operator=(const Gatherer&) = delete;
  virtual ~Gatherer() = default;
  // Tells it now.
  virtual void remind() noexcept = 0;
};

// Grows only when no thread is idle, shrinks after a while without work to one thread, which there always is:
// where no more threads can be had, work waits for it, and is never done by whoever posts it, who may hold
// locks. Shared by every environment (worker thread) of the process, never destroyed: its threads are
// detached, so a call that blocks for ever cannot delay the exit.
class Pool {
 public:
  static Pool& get();

  // Runs `work` on a pool thread, in the order of posting when all threads are busy.
  void post(std::shared_ptr<Work> work);

  // Runs `work` on a thread of its own: for calls that wait for an event, which would otherwise hold a pool
  // thread for ever. Such a call is not waited for at exit. Throws std::system_error.
  void postBlocking(std::shared_ptr<Work> work);

  // Whether ended calls may be told of a few at a time: others of their kind wait for a core, so that the
  // next ends soon. Waking the JavaScript thread for each takes that core from them. Whoever has something to
  // tell asks after having put it by; all who were added are reminded a few milliseconds later at most.
  bool gathers() const { return gathering_; }
  // Whether those who hold something back are reminded. If not, they soon will be.
  bool watches();
  void add(const std::shared_ptr<Gatherer>& gatherer);

  // Process exit: starts nothing more and waits until the calls in flight have returned, but not for ever.
  // Returns whether they have.
  bool quiesce();

 private:
  class Worker;
  using Lock = std::unique_lock<std::mutex>;

  Pool();
  void work();
  void perform(Lock& lock, Worker& worker);
  bool linger(Lock& lock, const Worker& worker);

  // Whether there is work that may be done now.
  bool hasNext() const;
  bool isLimited(Work& work) const;
  void enqueue(std::shared_ptr<Work> work);

  // How one more thread comes to the queue; decided under the lock, done without it.
  enum class Help : unsigned char { None, Wake, Grow };
  Help needHelp();
  void call(Help help);

  // While computing calls wait for a core, one thread looks whether those that are being made compute indeed.
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
  std::deque<std::shared_ptr<Work>> limited_;  // computing calls, for which a core must be free
  std::vector<Worker*> workers_;               // those that run something
  std::size_t deepest_ = 0;                    // how many of them there were at once since the last look
  std::size_t computing_ = 0;                  // how many of them count as computing
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
  bool waking_ = false;  // a thread is on its way to the queue
  std::atomic<bool> watching_{false};
  std::atomic<bool> wanted_{false};  // somebody holds something back
  bool brief_ = false;               // the last computing call was short
  std::atomic<bool> gathering_{false};
  std::vector<std::weak_ptr<Gatherer>> gatherers_;

  bool lingering_ = false;           // a thread looks for work without having gone to sleep
  std::atomic<bool> posted_{false};  // what it looks at
  unsigned misses_ = 0;              // how often in a row it found nothing
  unsigned skip_ = 0;                // how often it is not tried now

  bool stopping_ = false;
  bool hasGivenUp_ = false;              // waiting for the calls in flight at exit
  std::atomic<std::size_t> blocked_{0};  // threads of postBlocking()
};

}  // namespace cryptoki
