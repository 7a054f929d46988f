#include "native_keys/session_wait.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace cryptoki {
namespace {

class Waiter final : public Work {
 public:
  explicit Waiter(std::shared_ptr<SessionQueue> queue) : queue_(std::move(queue)) {}

  void run() noexcept override {
    {
      std::lock_guard lock(mutex_);
      if (!isGivenUp_) {
        isReached_ = true;
        reached_.notify_all();
        return;
      }
    }
    queue_->leave();  // the waiting thread has given up
  }

  bool wait(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (reached_.wait_until(lock, deadline, [this] { return isReached_; })) return true;
    isGivenUp_ = true;
    return false;
  }

 private:
  const std::shared_ptr<SessionQueue> queue_;
  std::mutex mutex_;
  std::condition_variable reached_;
  bool isReached_ = false;
  bool isGivenUp_ = false;
};

}  // namespace

bool waitForSession(const Session& session, std::chrono::steady_clock::time_point deadline) {
  if (session.queue().tryEnter()) return true;
  auto waiter = std::make_shared<Waiter>(session.queue().shared_from_this());
  session.queue().park(waiter);
  return waiter->wait(deadline);
}

}  // namespace cryptoki
