#include "runtime/pool.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <utility>

#include "runtime/pool_worker.h"
#include "runtime/thread_usage.h"

#if !defined(_WIN32)
#include <pthread.h>

#include <csignal>
#endif
#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace cryptoki {
namespace {

using Clock = Workload::Clock;

constexpr auto kIdleTime = std::chrono::seconds(30);
// The time for which the exit of the process waits for calls in flight. A longer wait would be noticeable;
// after a shorter one the exit handlers of the module would run during a call, and real modules crash then.
constexpr auto kExitPatience = std::chrono::milliseconds(1000);

// See Pool::gathers().
constexpr std::size_t kManyWait = 3;
constexpr auto kShortCall = std::chrono::milliseconds(1);

void prepareThread() {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "cryptoki");
#endif
#if !defined(_WIN32)
  // Signals belong to Node's main thread. SIGPIPE stays ignored, as Node set it: some modules write to closed
  // sockets.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
#endif
}

// A hint to the processor that this thread spins.
void relax() {
#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  __asm__ __volatile__("yield");
#endif
}

}  // namespace

Pool::Pool() : cores_(std::max(std::thread::hardware_concurrency(), 1U)), threads_(1) {
  std::thread([this] { this->work(); }).detach();
}

Pool& Pool::get() {
  // Leaked on purpose: detached threads may outlive every static destructor.
  static Pool& pool = *new Pool;  // NOLINT(cppcoreguidelines-owning-memory)
  return pool;
}

bool Pool::hasNext() const { return !queue_.empty() || (!limited_.empty() && computing_ < cores_); }

bool Pool::isLimited(Work& work) const {
  const Workload* workload = work.workload();
  return workload != nullptr && ThreadUsage::isKnown() && !workload->waits();
}

void Pool::enqueue(std::shared_ptr<Work> work) {
  auto& queue = isLimited(*work) ? limited_ : queue_;
  queue.push_back(std::move(work));
  deepest_ = std::max(deepest_, limited_.size());
}

Pool::Help Pool::needHelp() {
  if (waking_ || !(hasNext() || needsWatch())) return Help::None;
  if (lingering_ && hasNext()) {
    posted_ = true;
    return Help::None;
  }
  if (idle_ > 0) {
    waking_ = true;
    return Help::Wake;
  }
  if (threads_ >= kMaxThreads) return Help::None;
  ++threads_;
  waking_ = true;
  return Help::Grow;
}

void Pool::call(Help help) {
  if (help == Help::Wake) wake_.notify_one();
  if (help != Help::Grow) return;
  try {
    std::thread([this] { this->work(); }).detach();
  } catch (const std::system_error&) {
    // The existing threads do the work, and the next post() tries again.
    Lock lock(mutex_);
    waking_ = false;
    --threads_;
  }
}

void Pool::post(std::shared_ptr<Work> work) {
  Help help = Help::None;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    enqueue(std::move(work));
    help = needHelp();
  }
  call(help);
}

void Pool::postBlocking(std::shared_ptr<Work> work) {
  std::thread([this, work = std::move(work)] {
    prepareThread();
    ++blocked_;
    work->run();
    --blocked_;
  }).detach();
}

void Pool::work() {
  prepareThread();
  Worker worker;
  Lock lock(mutex_);
  waking_ = false;  // this thread was created for the queue
  for (;;) {
    if (hasNext()) {
      perform(lock, worker);
    } else if (needsWatch()) {
      watch(lock);
    } else if (!linger(lock, worker)) {
      worker.rest();
      ++idle_;
      if (stopping_) quiet_.notify_all();
      const bool woken = wake_.wait_for(lock, kIdleTime, [this] { return waking_ || hasNext(); });
      --idle_;
      if (!woken && threads_ > 1) {
        --threads_;
        return;
      }
      if (woken) waking_ = false;
    }
  }
}

// A caller that makes short calls one after the other posts the next one sooner than a thread falls asleep
// and wakes again. So the thread polls for a short time, if polling succeeded lately.
bool Pool::linger(Lock& lock, const Worker& worker) {
  constexpr auto kShortCallBefore =
      std::chrono::microseconds(200);  // polling does not help after longer calls
  constexpr auto kPollTime = std::chrono::microseconds(50);
  constexpr unsigned kLonger = 2;  // after these misses poll longer: a slower caller may be asleep, too
  constexpr unsigned kMostMisses = 6;
  const auto now = Clock::now();
  if (lingering_ || stopping_ || computing_ >= cores_ || now - worker.begun() > kShortCallBefore)
    return false;
  // The JavaScript thread needs a core, too. On the last core this thread yields, which still is faster than
  // waking a sleeping core. When many calls are under way, do not poll there.
  const bool isLastCore = computing_ + 2 > cores_;
  if (isLastCore && watching_ && deepest_ >= kManyWait) return false;
  if (skip_ > 0) {
    --skip_;
    return false;
  }
  const auto time = kPollTime * (1U << std::min(misses_, kLonger));
  lingering_ = true;
  posted_ = false;
  lock.unlock();
  while (!posted_.load(std::memory_order_relaxed) && Clock::now() - now < time) {
    if (isLastCore)
      std::this_thread::yield();
    else
      relax();
  }
  lock.lock();
  lingering_ = false;
  if (hasNext()) {
    misses_ = 0;
    return true;
  }
  misses_ = std::min(misses_ + 1, kMostMisses);
  skip_ = 1U << misses_;
  return false;
}

void Pool::perform(Lock& lock, Worker& worker) {
  auto& queue = queue_.empty() ? limited_ : queue_;
  auto next = std::move(queue.front());
  queue.pop_front();
  const bool counts = &queue == &limited_;
  gathering_ = watching_ && wasShort_ && limited_.size() >= kManyWait;
  worker.begin(next->workload(), counts);
  if (counts) {
    ++computing_;
    workers_.push_back(&worker);
  }
  const Help help = needHelp();
  lock.unlock();
  call(help);
  next->run();
  if (counts) {
    lock.lock();
    std::erase(workers_, &worker);
    if (worker.counts()) --computing_;
    wasShort_ = Clock::now() - worker.begun() < kShortCall;
    lock.unlock();
  }
  next.reset();
  lock.lock();
}

bool Pool::needsWatch() const {
  return !watching_ && !stopping_ && (wanted_ || (!limited_.empty() && computing_ >= cores_));
}

// The first looks follow soon, so that an unknown device is recognised at once; later ones are rare.
void Pool::watch(Lock& lock) {
  constexpr auto kFirstInterval = std::chrono::microseconds(200);
  constexpr auto kLaterInterval = std::chrono::microseconds(6400);
  constexpr int kFirstLooks = 4;
  constexpr int kIdleLooks = 4;  // looks in a row that found nothing to do
  watching_ = true;
  int idle = 0;
  for (int looks = 0; idle < kIdleLooks && !stopping_; ++looks) {
    watch_.wait_for(lock, looks < kFirstLooks ? kFirstInterval : kLaterInterval,
                    [this] { return stopping_; });
    remind(lock);
    deepest_ = limited_.size();
    idle = wanted_.exchange(false) || !limited_.empty() ? 0 : idle + 1;
    if (limited_.empty() || !look()) continue;
    looks = 0;
    release();
    const Help help = needHelp();
    lock.unlock();
    call(help);
    lock.lock();
  }
  watching_ = false;
  if (wanted_) remind(lock);  // a gatherer may have delayed a delivery before watching_ changed
}

bool Pool::watches() {
  wanted_ = true;
  if (watching_) return true;
  Help help = Help::None;
  {
    std::lock_guard lock(mutex_);
    help = needHelp();
  }
  call(help);
  return false;
}

void Pool::add(const std::shared_ptr<Gatherer>& gatherer) {
  std::lock_guard lock(mutex_);
  std::erase_if(gatherers_, [](const auto& weak) { return weak.expired(); });
  gatherers_.push_back(gatherer);
}

void Pool::remind(Lock& lock) {
  const auto gatherers = gatherers_;
  lock.unlock();
  for (const auto& weak : gatherers) {
    if (const auto gatherer = weak.lock()) gatherer->remind();
  }
  lock.lock();
}

bool Pool::look() {
  const auto now = Clock::now();
  bool found = false;
  for (Worker* worker : workers_) {
    if (!worker->counts()) continue;
    const auto doing = worker->look(now);
    if (doing == Worker::Doing::Computing) worker->workload()->sawComputing();
    if (doing != Worker::Doing::Waiting) continue;
    worker->workload()->sawWaiting();
    found = true;
  }
  return found;
}

// Calls that are known to wait do not need a core.
void Pool::release() {
  for (Worker* worker : workers_) {
    if (!worker->counts() || !worker->workload()->waits()) continue;
    worker->countNoMore();
    --computing_;
  }
  std::deque<std::shared_ptr<Work>> still;
  for (auto& work : limited_) (isLimited(*work) ? still : queue_).push_back(std::move(work));
  limited_ = std::move(still);
}

bool Pool::quiesce() {
  Lock lock(mutex_);
  stopping_ = true;
  queue_.clear();
  limited_.clear();
  watch_.notify_all();
  const auto isQuiet = [this] { return idle_ == threads_; };
  if (!hasGivenUp_) hasGivenUp_ = !quiet_.wait_for(lock, kExitPatience, isQuiet);
  return isQuiet() && blocked_ == 0;
}

}  // namespace cryptoki
