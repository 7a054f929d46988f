// Which tokens are removed, and the events that this makes in their slots.
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
  // Takes the token out of the slot. `duration` zero: until it is inserted.
  void remove(CK_SLOT_ID slot, Milliseconds duration);
  // Puts it back; nothing happens when it is there.
  void insert(CK_SLOT_ID slot);
  void insertAll();

  bool isRemoved(CK_SLOT_ID slot) { return any_.load() && isRemovedNow(slot); }
  bool anyRemoved() const { return any_.load(); }

  // The next slot with an event, if one has happened.
  std::optional<CK_SLOT_ID> takeEvent();

  // Waits for an event, for `limit` at most, or until wake() is called when `stopped` says so.
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
  void settle();  // tokens that were removed for a time come back
  Clock::time_point nextReturn() const;
  std::optional<CK_SLOT_ID> pop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> any_{false};
  std::map<CK_SLOT_ID, Clock::time_point> removed_;  // and when it comes back
  std::deque<CK_SLOT_ID> events_;                    // at most one of each slot
};

}  // namespace cryptoki::fault
