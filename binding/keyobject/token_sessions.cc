#include "keyobject/token_sessions.h"

#include <algorithm>
#include <utility>

namespace cryptoki {
namespace {

constexpr const char* kOpen = "C_OpenSession";

class CloseSession final : public Job {
 public:
  CloseSession(std::shared_ptr<Attachment> attachment, std::shared_ptr<Session> session)
      : attachment_(std::move(attachment)), session_(std::move(session)) {}

  void execute() override {
    if (session_->isOpen()) attachment_->close(session_);
  }

 protected:
  Napi::Value value(Napi::Env env) override { return env.Undefined(); }

 private:
  std::shared_ptr<Attachment> attachment_;
  std::shared_ptr<Session> session_;
};

}  // namespace

TokenSessions::TokenSessions(std::shared_ptr<Attachment> attachment, CK_SLOT_ID slot)
    : attachment_(std::move(attachment)), slot_(slot) {}

TokenSessions::~TokenSessions() { closeIdle(Clock::time_point::max()); }

std::shared_ptr<Session> TokenSessions::take(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  bool full = false;
  for (;;) {
    while (!idle_.empty()) {
      auto session = std::move(idle_.back().session);
      idle_.pop_back();
      // Nobody else uses it, but it may be about to be closed with all others.
      if (session->isOpen() && session->queue().tryEnter()) {
        if (session->isOpen()) return session;
        session->queue().leave();
      }
      --open_;
      ++losses_;
    }
    if (open_ < kMost && !(full && open_ > 0)) {
      ++open_;
      lock.unlock();
      try {
        auto session = open();
        if (session->queue().tryEnter()) return session;
        throw Failure::returned(CKR_SESSION_CLOSED, kOpen);
      } catch (const Failure& failure) {
        lock.lock();
        --open_;
        full = failure.rv == CKR_SESSION_COUNT;
        if (!full || open_ == 0) throw;
        continue;
      }
    }
    if (given_.wait_until(lock, deadline) == std::cv_status::timeout && idle_.empty()) {
      throw Failure::ours("ERR_CRYPTOKI_POOL_EXHAUSTED", "all sessions of the token are busy", kOpen);
    }
  }
}

std::shared_ptr<Session> TokenSessions::open() {
  std::shared_ptr<Session> session;
  const CK_RV rv = attachment_->open(slot_, CK_FLAGS{CKF_SERIAL_SESSION}, session);
  if (rv != CKR_OK) throw Failure::returned(rv, kOpen);
  return session;
}

void TokenSessions::give(const std::shared_ptr<Session>& session) {
  session->queue().leave();
  std::lock_guard lock(mutex_);
  if (session->isOpen()) {
    idle_.push_back({session, Clock::now()});
  } else {
    --open_;
    ++losses_;
  }
  given_.notify_one();
}

std::uint64_t TokenSessions::losses() {
  std::lock_guard lock(mutex_);
  return losses_;
}

void TokenSessions::closeIdle(Clock::time_point since) {
  std::vector<std::shared_ptr<Session>> old;
  {
    std::lock_guard lock(mutex_);
    const auto used =
        std::find_if(idle_.begin(), idle_.end(), [since](const Idle& idle) { return idle.since > since; });
    for (auto idle = idle_.begin(); idle != used; ++idle) old.push_back(std::move(idle->session));
    idle_.erase(idle_.begin(), used);
    open_ -= old.size();
  }
  for (auto& session : old) {
    try {
      auto use = attachment_->use("C_CloseSession");
      auto job = std::make_shared<CloseSession>(attachment_, session);
      job->hold(std::move(use));
      session->queue().submit(std::move(job));
    } catch (const Failure&) {
      // The attachment is at its end, which closes its sessions.
    }
  }
}

}  // namespace cryptoki
