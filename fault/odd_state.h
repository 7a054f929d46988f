// State of oddities that belongs to more than one session.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "generated/pkcs11.h"

namespace cryptoki::fault {

class OddState {
 public:
  std::atomic<CK_ULONG> growth{0};   // fetches that were refused because a value has grown
  std::atomic<bool> opening{false};  // a session is being opened that must be the only one

  // Results that another thread will write later. A call that closes a session or finalises waits for them,
  // because the memory of a session must not be used after it is closed.
  std::atomic<int> laterAnswers{0};
  void waitForAnswers() const {
    while (laterAnswers > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  // Stores the hash of a PIN with which a user (CKU_...) has logged in.
  void rememberPin(CK_SLOT_ID slot, CK_USER_TYPE user, std::size_t hash) {
    const std::lock_guard lock(mutex_);
    pins_[{slot, user}] = hash;
  }
  std::optional<std::size_t> pinOf(CK_SLOT_ID slot, CK_USER_TYPE user) const {
    const std::lock_guard lock(mutex_);
    const auto found = pins_.find({slot, user});
    return found == pins_.end() ? std::nullopt : std::optional(found->second);
  }

  // Stores a real session that keeps the slot's token logged in; returns the previous one.
  std::optional<CK_SESSION_HANDLE> keep(CK_SLOT_ID slot, CK_SESSION_HANDLE session) {
    auto former = take(slot);
    const std::lock_guard lock(mutex_);
    holders_[slot] = session;
    hasHolders_ = true;
    return former;
  }
  std::optional<CK_SESSION_HANDLE> take(CK_SLOT_ID slot) {
    if (!hasHolders_) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto node = holders_.extract(slot);
    hasHolders_ = !holders_.empty();
    return node.empty() ? std::nullopt : std::optional(node.mapped());
  }

  // After C_Finalize.
  void forget() {
    const std::lock_guard lock(mutex_);
    pins_.clear();
    holders_.clear();
    hasHolders_ = false;
    growth = 0;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<CK_SLOT_ID, CK_USER_TYPE>, std::size_t> pins_;
  std::map<CK_SLOT_ID, CK_SESSION_HANDLE> holders_;
  std::atomic<bool> hasHolders_{false};
};

}  // namespace cryptoki::fault
