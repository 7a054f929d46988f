// Sessions for callers that cannot wait for JavaScript: OpenSSL uses a key on the JavaScript thread, or on
// the threads of libuv.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "module/attachment.h"

namespace cryptoki {

// Sessions of one token, opened on demand through one attachment. The login of the process applies to them as
// well.
class TokenSessions {
 public:
  using Clock = std::chrono::steady_clock;

  // `readWrite`: the kind of session to open; if the module refuses it, the other kind is tried.
  TokenSessions(std::shared_ptr<Attachment> attachment, CK_SLOT_ID slot, bool readWrite);
  TokenSessions(const TokenSessions&) = delete;
  TokenSessions& operator=(const TokenSessions&) = delete;
  ~TokenSessions();

  // A session that this object holds alone. `home` (may be null) belongs to another user: it is borrowed,
  // through its queue, if the token allows no further session. Throws the error of C_OpenSession, or
  // ERR_CRYPTOKI_POOL_EXHAUSTED at the deadline.
  class Turn {
   public:
    Turn(TokenSessions& sessions, const std::shared_ptr<Session>& home, Clock::time_point deadline)
        : sessions_(sessions), home_(home), session_(sessions.take(home, deadline)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (session_ == home_) {
        sessions_.giveBack(session_);
      } else {
        sessions_.give(session_);
      }
    }
    const std::shared_ptr<Session>& session() const { return session_; }

   private:
    TokenSessions& sessions_;
    const std::shared_ptr<Session> home_;
    std::shared_ptr<Session> session_;
  };

  // Increases with each lost session. Afterwards handles may refer to other objects.
  std::uint64_t losses();

  // Closes, on a native thread, the sessions that have been idle since `since`.
  void closeIdle(Clock::time_point since);

 private:
  struct Idle {
    std::shared_ptr<Session> session;
    Clock::time_point since;
  };
  std::shared_ptr<Session> take(const std::shared_ptr<Session>& home, Clock::time_point deadline);
  std::shared_ptr<Session> takeIdle();
  void give(const std::shared_ptr<Session>& session) noexcept;
  void giveBack(const std::shared_ptr<Session>& home) noexcept;
  std::shared_ptr<Session> open();
  CK_RV open(bool readWrite, std::shared_ptr<Session>& session);
  void close(const std::shared_ptr<Session>& session) noexcept;

  static constexpr std::size_t kMost = 8;

  std::shared_ptr<Attachment> attachment_;
  CK_SLOT_ID slot_;
  std::atomic<bool> readWrite_;
  std::mutex mutex_;
  std::condition_variable given_;
  std::vector<Idle> idle_;  // the last is the most recently used
  std::size_t open_ = 0;
  std::uint64_t losses_ = 0;
  Clock::time_point askAgainAt_;  // set when the token refuses one more session
};

}  // namespace cryptoki
