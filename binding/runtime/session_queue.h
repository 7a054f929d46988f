// The FIFO of one PKCS#11 session: one call at a time, in the order of the requests. Real modules crash when
// two threads use one session.
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

  // Runs the job on a pool thread after all earlier ones have ended.
  void submit(std::shared_ptr<Job> job);

  // Takes the session for the calling thread if it is free and its queue is empty; leave() gives it back.
  bool tryEnter() { return count_ == 0 && take(); }
  void leave();

  // Refuses the waiting jobs that are refusable; returns their number.
  std::size_t refuseWaiting();

  // Calls `reached` on a pool thread when all earlier jobs have ended, and then holds the session until
  // leave().
  void park(std::shared_ptr<Work> reached);

  // The number of jobs that wait for the session.
  std::size_t waiting() const { return count_; }

  void run() noexcept override;
  Workload* workload() override { return workload_.get(); }

 private:
  struct Turn {
    std::shared_ptr<Job> job;
    std::shared_ptr<Work> reached;  // instead of a job: holds the session after it
  };
  void push(Turn turn);
  bool take() { return !busy_.exchange(true); }
  bool takeIfWanted();

  const std::shared_ptr<Workload> workload_;
  // The thread that sets busy_ has the session. To avoid a lost wake-up, a thread that gives the session back
  // reads count_ afterwards, and a thread that increases count_ reads busy_ afterwards.
  std::atomic<bool> busy_{false};
  std::atomic<std::size_t> count_{0};  // of waiting_
  std::mutex mutex_;
  std::deque<Turn> waiting_;
};

}  // namespace cryptoki
