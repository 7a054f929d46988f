#include "runtime/job.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include "runtime/channel.h"
#include "runtime/session_queue.h"

namespace cryptoki {
namespace {
using Clock = Workload::Clock;

// When many jobs wait for a session, their results are delivered together, so that JavaScript has time to add
// more. A result waits for a fraction of the time that the last job in the queue waits anyway.
constexpr Clock::duration kLongCall = std::chrono::milliseconds(1);
constexpr Clock::duration kLeastQueueTime = std::chrono::microseconds(150);
constexpr int kQueueFraction = 4;
constexpr Clock::duration kLongestDelay = std::chrono::microseconds(500);
}  // namespace

void Job::run() noexcept {
  executeQuietly();
  announce();
}

void Job::run(const SessionQueue& queue) noexcept {
  if (queue.waiting() == 0) return run();
  const auto begun = Clock::now();
  executeQuietly();
  const auto took = Clock::now() - begun;
  const auto queueTime = took * static_cast<Clock::rep>(queue.waiting());
  announce(took > kLongCall || queueTime < kLeastQueueTime
               ? Clock::duration::zero()
               : std::min(queueTime / kQueueFraction, kLongestDelay));
}

void Job::refuse() noexcept {
  fail(Failure::ours("ERR_CRYPTOKI_NOT_BEGUN", "the call was refused while it waited for its session"));
  announce();
}

void Job::executeQuietly() noexcept {
  try {
    execute();
  } catch (Failure& failure) {
    fail(std::move(failure));
  } catch (const std::bad_alloc&) {
    fail(Failure::ours("ERR_CRYPTOKI_MEMORY", "not enough memory for the call"));
  } catch (const std::exception& unexpected) {
    fail(Failure::ours("ERR_CRYPTOKI_INTERNAL", unexpected.what()));
  } catch (...) {
    fail(Failure::ours("ERR_CRYPTOKI_INTERNAL", "the module threw a C++ exception"));
  }
}

void Job::announce(Workload::Clock::duration patience) noexcept {
  lease_.reset();
  if (channel_) {
    auto channel = std::move(channel_);
    channel->complete(shared_from_this(), patience);
    return;
  }
  std::lock_guard lock(mutex_);
  done_ = true;
  ended_.notify_all();
}

void Job::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return done_; });
}

}  // namespace cryptoki
