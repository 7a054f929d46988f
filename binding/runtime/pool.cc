#include "runtime/pool.h"

#include <chrono>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <utility>

#if !defined(_WIN32)
#include <pthread.h>

#include <csignal>
#endif

namespace cryptoki {
namespace {

constexpr auto kIdleTime = std::chrono::seconds(30);
// How long the exit of the process waits for calls in flight. Longer would be felt, shorter would let the
// module's own exit handlers run under a call, on which real modules crash.
constexpr auto kExitPatience = std::chrono::milliseconds(1000);

void prepareThread() {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "cryptoki");
#endif
#if !defined(_WIN32)
  // Signals belong to Node's main thread. SIGPIPE stays as Node set it (ignored): some modules write to dead
  // sockets.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
#endif
}

}  // namespace

Pool& Pool::get() {
  // Leaked on purpose: detached threads may outlive every static destructor.
  static Pool& pool = *new Pool;  // NOLINT(cppcoreguidelines-owning-memory)
  return pool;
}

Pool::Help Pool::needHelp() {
  if (queue_.empty() || waking_) return Help::None;
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
    std::unique_lock lock(mutex_);
    waking_ = false;
    if (--threads_ > 0 || queue_.empty()) return;
    auto last = std::move(queue_.back());
    queue_.pop_back();
    lock.unlock();
    last->run();
  }
}

void Pool::post(std::shared_ptr<Work> work) {
  Help help = Help::None;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(work));
    help = needHelp();
  }
  call(help);
}

void Pool::postBlocking(std::shared_ptr<Work> work) {
  std::thread([work = std::move(work)] {
    prepareThread();
    work->run();
  }).detach();
}

void Pool::work() {
  prepareThread();
  std::unique_lock lock(mutex_);
  waking_ = false;  // this thread has been born for the queue
  for (;;) {
    if (queue_.empty()) {
      ++idle_;
      if (stopping_) quiet_.notify_all();
      const bool woken = wake_.wait_for(lock, kIdleTime, [this] { return waking_ || !queue_.empty(); });
      --idle_;
      if (!woken) {
        --threads_;
        return;
      }
      waking_ = false;
      if (queue_.empty()) continue;  // another thread was faster
    }
    auto next = std::move(queue_.front());
    queue_.pop_front();
    const Help help = needHelp();
    lock.unlock();
    call(help);
    next->run();
    next.reset();
    lock.lock();
  }
}

void Pool::quiesce() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  queue_.clear();
  quiet_.wait_for(lock, kExitPatience, [this] { return idle_ == threads_; });
}

void Pool::quiesceAtExit() {
  std::atexit([] { get().quiesce(); });
}

}  // namespace cryptoki
