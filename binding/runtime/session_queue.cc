#include "runtime/session_queue.h"

#include <utility>
#include <vector>

namespace cryptoki {

namespace {
// After this number of jobs the thread goes to the end of the pool's queue, so that a long session queue
// cannot starve others.
constexpr int kTurnsInARow = 32;
}  // namespace

void SessionQueue::submit(std::shared_ptr<Job> job) { push({std::move(job), nullptr}); }

std::size_t SessionQueue::refuseWaiting() {
  std::vector<std::shared_ptr<Job>> refused;
  {
    std::lock_guard lock(mutex_);
    std::deque<Turn> still;
    for (auto& turn : waiting_) {
      if (turn.job && turn.job->isRefusable()) {
        refused.push_back(std::move(turn.job));
      } else {
        still.push_back(std::move(turn));
      }
    }
    waiting_ = std::move(still);
    count_ = waiting_.size();
  }
  for (const auto& job : refused) job->refuse();
  return refused.size();
}

void SessionQueue::park(std::shared_ptr<Work> reached) { push({nullptr, std::move(reached)}); }

void SessionQueue::push(Turn turn) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(turn));
    ++count_;
  }
  if (take()) Pool::get().post(shared_from_this());
}

void SessionQueue::leave() {
  busy_ = false;
  if (takeIfWanted()) Pool::get().post(shared_from_this());
}

bool SessionQueue::takeIfWanted() { return count_ > 0 && take(); }

// The caller has the session.
void SessionQueue::run() noexcept {
  for (int turn = 0; turn < kTurnsInARow; ++turn) {
    Turn next;
    {
      std::lock_guard lock(mutex_);
      if (!waiting_.empty()) {
        next = std::move(waiting_.front());
        waiting_.pop_front();
        --count_;
      }
    }
    if (next.job) {
      next.job->run(*this);
    } else if (next.reached) {
      next.reached->run();
      return;
    } else {
      busy_ = false;
      if (!takeIfWanted()) return;
    }
  }
  Pool::get().post(shared_from_this());
}

}  // namespace cryptoki
