// What another thread of this process does: how long it has computed, and whether it sleeps.
#pragma once

#include <chrono>
#include <memory>

namespace cryptoki {

class ThreadUsage {
 public:
  // Of the calling thread.
  ThreadUsage();
  ThreadUsage(const ThreadUsage&) = delete;
  ThreadUsage& operator=(const ThreadUsage&) = delete;
  ~ThreadUsage();

  // Whether this system tells. Where not, nothing else here means anything.
  static bool isKnown();

  // Any thread, while the thread that made this lives.
  std::chrono::nanoseconds computed() const;
  bool sleeps() const;

 private:
  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace cryptoki
