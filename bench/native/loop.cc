#include "loop.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <exception>
#include <latch>
#include <mutex>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

double cpuSeconds() {
#ifdef _WIN32
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
#else
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
#endif
}

// The clock is read once per `chunk` operations, which makes its cost negligible and delays the end only a
// little.
unsigned long loopUntil(Operation& operation, Clock::time_point end) {
  constexpr auto kOften = std::chrono::microseconds(200);
  unsigned long done = 0;
  unsigned long chunk = 1;
  auto before = Clock::now();
  do {  // at least once: on a busy machine a thread can start late
    for (unsigned long i = 0; i < chunk; ++i) operation.perform();
    done += chunk;
    const auto now = Clock::now();
    if (now - before < kOften / 2)
      chunk *= 2;
    else if (now - before > kOften * 2)
      chunk = std::max(chunk / 2, 1UL);
    before = now;
  } while (before < end);
  return done;
}

}  // namespace

Measured runLoop(const std::vector<std::unique_ptr<Operation>>& operations, double seconds) {
  std::atomic<unsigned long> total{0};
  std::latch ready(static_cast<std::ptrdiff_t>(operations.size()));
  std::latch go(1);
  std::mutex mutex;
  std::exception_ptr failure;
  Clock::time_point end;
  std::vector<std::jthread> threads;
  for (const auto& operation : operations) {
    threads.emplace_back([&, each = operation.get()] {
      ready.count_down();
      go.wait();
      try {
        total += loopUntil(*each, end);
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    });
  }
  ready.wait();
  Measured result;
  const double cpu = cpuSeconds();
  const auto begin = Clock::now();
  end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  go.count_down();
  threads.clear();
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  result.cpu = cpuSeconds() - cpu;
  if (failure) std::rethrow_exception(failure);
  result.operations = total;
  return result;
}
