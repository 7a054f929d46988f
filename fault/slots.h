// The removed tokens, and the slot events that result.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "fault/plan.h"
#include "generated/pkcs11.h"

namespace cryptoki::fault {

class Slots {
 public:
  // Removes the token from the slot. `duration` zero: until insert().
  void remove(CK_SLOT_ID slot, Milliseconds duration);
  // Puts the token back; does nothing when it is present.
  void insert(CK_SLOT_ID slot);
  void insertAll();

  bool isRemoved(CK_SLOT_ID slot) { return any_.load() && isRemovedNow(slot); }
  bool anyRemoved() const { return any_.load(); }

  // The next slot with an event, if any.
  std::optional<CK_SLOT_ID> takeEvent();

  // Waits for an event, at most for `limit`; wake() ends the wait if `stopped` returns true.
  template <class Stopped>
  std::optional<CK_SLOT_ID> waitForEvent(std::chrono::milliseconds limit, Stopped stopped) {
    std::unique_lock lock(mutex_);
    const auto end = Clock::now() + limit;
    for (;;) {
      settle();
      if (!events_.empty() || stopped()) break;
      const auto next = std::min(end, nextReturn());
      if (changed_.wait_until(lock, next) == std::cv_status::timeout && Clock::now() >= end) break;
    }
    return pop();
  }
  void wake();
  void forgetEvents();

 private:
  using Clock = std::chrono::steady_clock;

  bool isRemovedNow(CK_SLOT_ID slot);
  void insertLocked(CK_SLOT_ID slot);
  void raise(CK_SLOT_ID slot);
  void settle();  // puts back tokens whose time has passed
  Clock::time_point nextReturn() const;
  std::optional<CK_SLOT_ID> pop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> any_{false};
  std::map<CK_SLOT_ID, Clock::time_point> removed_;  // and the time of their return
  std::deque<CK_SLOT_ID> events_;                    // at most one for each slot
};

}  // namespace cryptoki::fault
