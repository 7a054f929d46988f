// The state of a pool thread, for the thread that watches the others. Use it under the pool's lock.
#pragma once

#include <chrono>
#include <utility>

#include "runtime/pool.h"
#include "runtime/thread_usage.h"
#include "runtime/workload.h"

namespace cryptoki {

class Pool::Worker {
 public:
  void begin(Workload* workload, bool counts) {
    if (!counts || workload != workload_) rest();
    workload_ = workload;
    counts_ = counts;
    begun_ = Workload::Clock::now();
  }
  // Forgets the measurements: they do not predict a different kind of work.
  void rest() {
    seen_ = {};
    waits_ = 0;
  }

  Workload* workload() const { return workload_; }
  bool counts() const { return counts_; }
  Workload::Clock::time_point begun() const { return begun_; }
  void countNoMore() { counts_ = false; }

  // The activity since the last look: not known yet, computing, or waiting.
  enum class Doing : unsigned char { Unknown, Computing, Waiting };
  Doing look(Workload::Clock::time_point now) {
    constexpr int kPart = 4;   // of the time: a short wait for a lock does not mean that a device is slow
    constexpr int kTwice = 2;  // looks in a row that must find it waiting
    const auto computed = usage_.computed();
    const auto before = std::exchange(seen_, now);
    const auto used = computed - std::exchange(computed_, computed);
    if (before == Workload::Clock::time_point()) return Doing::Unknown;
    waits_ = used < (now - before) / kPart && usage_.sleeps() ? waits_ + 1 : 0;
    if (waits_ == 0) return Doing::Computing;
    return waits_ < kTwice ? Doing::Unknown : Doing::Waiting;
  }

 private:
  ThreadUsage usage_;
  Workload* workload_ = nullptr;
  bool counts_ = false;
  Workload::Clock::time_point begun_;
  Workload::Clock::time_point seen_;
  std::chrono::nanoseconds computed_{};
  int waits_ = 0;  // looks in a row that found it waiting
};

}  // namespace cryptoki
