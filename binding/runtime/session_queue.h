// The FIFO of one PKCS#11 session: one call at a time, in the order they were asked for. Real modules crash
// when two threads use one session.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "runtime/job.h"

namespace cryptoki {

class SessionQueue final : public Work, public std::enable_shared_from_this<SessionQueue> {
 public:
  // `workload`: of the token.
  explicit SessionQueue(std::shared_ptr<Workload> workload) : workload_(std::move(workload)) {}

  // Runs the job on a pool thread when all before it have ended.
  void submit(std::shared_ptr<Job> job);

  // Takes the session for the calling thread if nobody has it and nobody waits; leave() gives it back.
  bool tryEnter() { return count_ == 0 && take(); }
  void leave();

  // Refuses the jobs that wait and may be refused; returns how many.
  std::size_t refuseWaiting();

  // Calls `reached` (on a pool thread) when all before it have ended, and then holds the session until
  // leave().
  void park(std::shared_ptr<Work> reached);

  // How many wait for the session.
  std::size_t waiting() const { return count_; }

  void run() noexcept override;
  Workload* workload() override { return workload_.get(); }

 private:
  struct Turn {
    std::shared_ptr<Job> job;
    std::shared_ptr<Work> reached;  // in its place: the session is held after it
  };
  void push(Turn turn);
  bool take() { return !busy_.exchange(true); }
  bool takeIfWanted();

  const std::shared_ptr<Workload> workload_;
  // Who sets busy_ has the session. Whoever gives it back looks at count_ after that, and whoever makes it
  // grow looks at busy_ after that: so one of them sees the other.
  std::atomic<bool> busy_{false};
  std::atomic<std::size_t> count_{0};  // of waiting_
  std::mutex mutex_;
  std::deque<Turn> waiting_;
};

}  // namespace cryptoki
