// The processor time of another thread of this process, and its state: asleep or not.
#pragma once

#include <chrono>
#include <memory>

namespace cryptoki {

class ThreadUsage {
 public:
  // Measures the calling thread.
  ThreadUsage();
  ThreadUsage(const ThreadUsage&) = delete;
  ThreadUsage& operator=(const ThreadUsage&) = delete;
  ~ThreadUsage();

  // Returns true when this system reports the usage of threads. If false, the other results are meaningless.
  static bool isKnown();

  // Any thread; the measured thread must still be alive.
  std::chrono::nanoseconds computed() const;
  bool sleeps() const;

 private:
  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace cryptoki
