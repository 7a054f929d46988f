// Sessions for callers that cannot wait for JavaScript: OpenSSL calls a key on the JavaScript thread, or on
// libuv's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "module/attachment.h"

namespace cryptoki {

// Of one token, opened through one attachment when they are needed. The login covers them, as all of the
// process.
class TokenSessions {
 public:
  using Clock = std::chrono::steady_clock;

  TokenSessions(std::shared_ptr<Attachment> attachment, CK_SLOT_ID slot);
  TokenSessions(const TokenSessions&) = delete;
  TokenSessions& operator=(const TokenSessions&) = delete;
  ~TokenSessions();

  // A session that is the holder's alone. Throws what C_OpenSession returned, or ERR_CRYPTOKI_POOL_EXHAUSTED
  // at the deadline.
  class Turn {
   public:
    Turn(TokenSessions& sessions, Clock::time_point deadline)
        : sessions_(sessions), session_(sessions.take(deadline)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { sessions_.give(session_); }
    const std::shared_ptr<Session>& session() const { return session_; }

   private:
    TokenSessions& sessions_;
    std::shared_ptr<Session> session_;
  };

  // Grows with each session that was lost. Handles may mean other objects afterwards.
  std::uint64_t losses();

  // Closes, on a native thread, the sessions that nobody has used since.
  void closeIdle(Clock::time_point since);

 private:
  struct Idle {
    std::shared_ptr<Session> session;
    Clock::time_point since;
  };
  std::shared_ptr<Session> take(Clock::time_point deadline);
  void give(const std::shared_ptr<Session>& session);
  std::shared_ptr<Session> open();

  static constexpr std::size_t kMost = 8;

  std::shared_ptr<Attachment> attachment_;
  CK_SLOT_ID slot_;
  std::mutex mutex_;
  std::condition_variable given_;
  std::vector<Idle> idle_;  // the last is the latest
  std::size_t open_ = 0;
  std::uint64_t losses_ = 0;
};

}  // namespace cryptoki
