#include "module/slot_events.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <system_error>
#include <utility>

#include "module/module.h"
#include "runtime/pool.h"

namespace cryptoki {
namespace {
constexpr auto kBetweenPolls = std::chrono::milliseconds(200);
}

// C_WaitForSlotEvent on its own thread.
class SlotEvents::Question final : public Work {
 public:
  Question(SlotEvents& events, std::uint64_t round) : events_(events), round_(round) {}

  void run() noexcept override {
    CK_SLOT_ID slot = 0;
    const Module& module = events_.module_;
    const CK_RV rv = module.quirks().pollsForSlotEvents
                         ? events_.poll(round_, slot)
                         : module.callUnlocked<&CK_FUNCTION_LIST_3_2::C_WaitForSlotEvent>(
                               CK_FLAGS{0}, &slot, static_cast<void*>(nullptr));
    events_.answered(round_, rv, slot);
  }

 private:
  SlotEvents& events_;
  std::uint64_t round_;
};

void SlotEvents::wait(const std::shared_ptr<Waiter>& waiter) {
  std::unique_lock lock(mutex_);
  if (const auto slot = std::exchange(missed_, std::nullopt)) {
    lock.unlock();
    return waiter->happened(CKR_OK, *slot);
  }
  waiters_.push_back(waiter);
  if (asking_) return;
  auto question = std::make_shared<Question>(*this, round_);
  asking_ = true;
  try {
    Pool::get().postBlocking(std::move(question));
  } catch (const std::system_error&) {  // the system cannot create more threads
    asking_ = false;
    waiters_.pop_back();
    lock.unlock();
    waiter->happened(CKR_HOST_MEMORY, 0);
  }
}

std::optional<CK_SLOT_ID> SlotEvents::takeMissed() {
  std::lock_guard lock(mutex_);
  return std::exchange(missed_, std::nullopt);
}

void SlotEvents::cancel(const void* owner, CK_RV rv) noexcept {
  std::vector<std::shared_ptr<Waiter>> theirs;
  {
    std::lock_guard lock(mutex_);
    const auto firstOfOwner = std::stable_partition(
        waiters_.begin(), waiters_.end(), [&](const auto& waiter) { return waiter->owner() != owner; });
    theirs.assign(std::make_move_iterator(firstOfOwner), std::make_move_iterator(waiters_.end()));
    waiters_.erase(firstOfOwner, waiters_.end());
    changed_.notify_all();
  }
  for (const auto& waiter : theirs) waiter->happened(rv, 0);
}

void SlotEvents::forget() {
  std::unique_lock lock(mutex_);
  ++round_;
  asking_ = false;
  missed_.reset();
  changed_.notify_all();
  changed_.wait(lock, [this] { return !polling_; });
}

CK_RV SlotEvents::poll(std::uint64_t round, CK_SLOT_ID& slot) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (round != round_ || waiters_.empty()) return CKR_FUNCTION_CANCELED;
    polling_ = true;
    lock.unlock();
    const CK_RV rv = module_.call<&CK_FUNCTION_LIST_3_2::C_WaitForSlotEvent>(CK_FLAGS{CKF_DONT_BLOCK}, &slot,
                                                                             static_cast<void*>(nullptr));
    lock.lock();
    polling_ = false;
    changed_.notify_all();
    if (rv != CKR_NO_EVENT) return rv;
    changed_.wait_for(lock, kBetweenPolls, [&] { return round != round_ || waiters_.empty(); });
  }
}

void SlotEvents::answered(std::uint64_t round, CK_RV rv, CK_SLOT_ID slot) noexcept {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    std::lock_guard lock(mutex_);
    if (round != round_) return;
    asking_ = false;
    if (waiters_.empty() && rv == CKR_OK) missed_ = slot;
    waiters.swap(waiters_);
  }
  for (const auto& waiter : waiters) waiter->happened(rv, slot);
}

}  // namespace cryptoki
