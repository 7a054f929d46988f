#include "fault/slots.h"

#include <algorithm>
#include <vector>

namespace cryptoki::fault {

void Slots::remove(CK_SLOT_ID slot, Milliseconds duration) {
  const std::lock_guard lock(mutex_);
  settle();
  const bool wasThere = !removed_.contains(slot);
  removed_[slot] = duration.count() == 0 ? Clock::time_point::max()
                                         : Clock::now() + std::chrono::ceil<Clock::duration>(duration);
  any_ = true;
  if (wasThere) raise(slot);
  changed_.notify_all();
}

void Slots::insert(CK_SLOT_ID slot) {
  const std::lock_guard lock(mutex_);
  settle();
  insertLocked(slot);
}

void Slots::insertAll() {
  const std::lock_guard lock(mutex_);
  settle();
  while (!removed_.empty()) insertLocked(removed_.begin()->first);
}

void Slots::insertLocked(CK_SLOT_ID slot) {
  if (removed_.erase(slot) == 0) return;
  any_ = !removed_.empty();
  raise(slot);
}

bool Slots::isRemovedNow(CK_SLOT_ID slot) {
  const std::lock_guard lock(mutex_);
  settle();
  return removed_.contains(slot);
}

std::optional<CK_SLOT_ID> Slots::takeEvent() {
  const std::lock_guard lock(mutex_);
  settle();
  return pop();
}

void Slots::wake() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void Slots::forgetEvents() {
  const std::lock_guard lock(mutex_);
  events_.clear();
}

void Slots::raise(CK_SLOT_ID slot) {
  if (std::find(events_.begin(), events_.end(), slot) == events_.end()) events_.push_back(slot);
  changed_.notify_all();
}

void Slots::settle() {
  const auto now = Clock::now();
  std::vector<CK_SLOT_ID> back;
  for (const auto& [slot, until] : removed_) {
    if (until <= now) back.push_back(slot);
  }
  for (const CK_SLOT_ID slot : back) insertLocked(slot);
}

Slots::Clock::time_point Slots::nextReturn() const {
  auto next = Clock::time_point::max();
  for (const auto& [slot, until] : removed_) next = std::min(next, until);
  return next;
}

std::optional<CK_SLOT_ID> Slots::pop() {
  if (events_.empty()) return std::nullopt;
  const CK_SLOT_ID slot = events_.front();
  events_.pop_front();
  return slot;
}

}  // namespace cryptoki::fault
