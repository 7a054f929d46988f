// Measures whether the calls of a token compute on this machine (a soft token) or wait for a device (card,
// HSM).
#pragma once

#include <atomic>
#include <chrono>

namespace cryptoki {

// Calls that compute gain nothing from more threads than cores, and lose time when they wait for each other:
// the pool limits them to the number of cores. Calls that wait get a thread each. Pool::watch measures the
// behaviour. The result expires, because the behaviour can change and a busy machine can look like a device.
class Workload {
 public:
  using Clock = std::chrono::steady_clock;

  bool waits() const {
    const auto until = until_.load(std::memory_order_relaxed);
    return until != 0 && Clock::now().time_since_epoch().count() < until;
  }

  // A call was seen waiting. The result is trusted for a longer time after each repetition. Call it under the
  // pool's lock.
  void sawWaiting() {
    if (waits()) return;
    until_ = (Clock::now() + belief_).time_since_epoch().count();
    if (belief_ < kLongestBelief) belief_ *= 2;
  }
  // Calls were seen computing. Call it under the pool's lock.
  void sawComputing() { belief_ = kShortestBelief; }

 private:
  static constexpr Clock::duration kShortestBelief = std::chrono::milliseconds(250);
  static constexpr Clock::duration kLongestBelief = std::chrono::seconds(60);

  std::atomic<Clock::rep> until_{0};
  Clock::duration belief_ = kShortestBelief;
};

}  // namespace cryptoki
