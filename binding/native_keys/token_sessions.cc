#include "native_keys/token_sessions.h"

#include <algorithm>
#include <utility>

#include "native_keys/session_wait.h"

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

// The results of tokens that allow no more sessions; the same list as in lib/client/pool/session-pool.ts.
bool isLimit(CK_RV rv) { return rv == CKR_SESSION_COUNT || rv == CKR_HOST_MEMORY || rv == CKR_DEVICE_MEMORY; }

// Results that do not depend on the kind of session.
bool isGone(CK_RV rv) {
  switch (rv) {
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SLOT_ID_INVALID:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
      return true;
    default:
      return false;
  }
}

// While a session is borrowed, the minimal time between two attempts to open one.
constexpr auto kPauseAfterRefusal = std::chrono::seconds(1);

}  // namespace

TokenSessions::TokenSessions(std::shared_ptr<Attachment> attachment, CK_SLOT_ID slot, bool readWrite)
    : attachment_(std::move(attachment)), slot_(slot), readWrite_(readWrite) {
  idle_.reserve(kMost);  // give() must not need memory
}

TokenSessions::~TokenSessions() { closeIdle(Clock::time_point::max()); }

std::shared_ptr<Session> TokenSessions::take(const std::shared_ptr<Session>& home,
                                             Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  bool full = false;
  Failure refusal;
  for (;;) {
    if (auto session = takeIdle()) return session;
    const bool mayAsk = !home || open_ > 0 || Clock::now() >= askAgainAt_;
    if (full && open_ == 0 && !home) throw Failure(refusal);
    if ((full || !mayAsk) && open_ == 0 && home) {
      lock.unlock();
      if (!waitForSession(*home, deadline)) break;
      if (home->isOpen()) return home;
      home->queue().leave();
      if (full) throw Failure(refusal);
      return take(nullptr, deadline);
    }
    if (open_ < kMost && !full) {
      ++open_;
      lock.unlock();
      try {
        auto session = open();
        if (session->queue().tryEnter()) return session;
        throw Failure::returned(CKR_SESSION_CLOSED, kOpen);
      } catch (const Failure& failure) {
        lock.lock();
        --open_;
        given_.notify_all();  // threads that wait for the last session must check again
        full = isLimit(failure.rv);
        if (!full) throw;
        refusal = failure;
        askAgainAt_ = Clock::now() + kPauseAfterRefusal;
        continue;
      } catch (...) {
        lock.lock();
        --open_;
        given_.notify_all();
        throw;
      }
    }
    if (given_.wait_until(lock, deadline) == std::cv_status::timeout && idle_.empty()) break;
  }
  throw Failure::ours("ERR_CRYPTOKI_POOL_EXHAUSTED", "all sessions of the token are busy", kOpen);
}

// The caller holds the mutex.
std::shared_ptr<Session> TokenSessions::takeIdle() {
  while (!idle_.empty()) {
    auto session = std::move(idle_.back().session);
    idle_.pop_back();
    // No other thread uses it, but C_CloseAllSessions may be about to close it.
    if (session->isOpen() && session->queue().tryEnter()) {
      if (session->isOpen()) return session;
      session->queue().leave();
    }
    --open_;
    ++losses_;
  }
  return nullptr;
}

std::shared_ptr<Session> TokenSessions::open() {
  std::shared_ptr<Session> session;
  const bool readWrite = readWrite_;
  CK_RV rv = open(readWrite, session);
  // Some modules have only read/write sessions, others refuse those (a write-protected token).
  if (rv != CKR_OK && !isGone(rv) && open(!readWrite, session) == CKR_OK) {
    rv = CKR_OK;
    readWrite_ = !readWrite;
  }
  if (rv != CKR_OK) throw Failure::returned(rv, kOpen);
  return session;
}

CK_RV TokenSessions::open(bool readWrite, std::shared_ptr<Session>& session) {
  const CK_FLAGS flags = CKF_SERIAL_SESSION | (readWrite ? CKF_RW_SESSION : 0);
  return attachment_->open(slot_, flags, session);
}

void TokenSessions::give(const std::shared_ptr<Session>& session) noexcept {
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

void TokenSessions::giveBack(const std::shared_ptr<Session>& home) noexcept {
  home->queue().leave();
  if (home->isOpen()) return;
  std::lock_guard lock(mutex_);
  ++losses_;
}

std::uint64_t TokenSessions::losses() {
  std::lock_guard lock(mutex_);
  return losses_;
}

void TokenSessions::closeIdle(Clock::time_point since) {
  std::lock_guard lock(mutex_);
  const auto used =
      std::find_if(idle_.begin(), idle_.end(), [since](const Idle& idle) { return idle.since > since; });
  for (auto idle = idle_.begin(); idle != used; ++idle) close(idle->session);
  open_ -= static_cast<std::size_t>(used - idle_.begin());
  idle_.erase(idle_.begin(), used);
}

void TokenSessions::close(const std::shared_ptr<Session>& session) noexcept {
  try {
    auto use = attachment_->use("C_CloseSession");
    auto job = std::make_shared<CloseSession>(attachment_, session);
    job->hold(std::move(use));
    session->queue().submit(std::move(job));
  } catch (...) {
    // The attachment is ending, and closes its sessions.
  }
}

}  // namespace cryptoki
