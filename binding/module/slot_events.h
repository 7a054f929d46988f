// Waits for a token to be inserted or removed. The process makes one wait per module, whoever requests it. An
// event ends every wait. A cancelled wait does not lose an event, because the call into the module continues.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "generated/pkcs11.h"

namespace cryptoki {

class Module;

class SlotEvents {
 public:
  explicit SlotEvents(Module& module) : module_(module) {}

  // One wait. happened() is called once, on any thread.
  class Waiter {
   public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    virtual ~Waiter() = default;
    // The owner, for cancel().
    virtual const void* owner() const = 0;
    virtual void happened(CK_RV rv, CK_SLOT_ID slot) noexcept = 0;
  };

  // Passes the next event to `waiter`, or the error that the module returns.
  void wait(const std::shared_ptr<Waiter>& waiter);

  // Returns, once, an event that came while nothing was waiting.
  std::optional<CK_SLOT_ID> takeMissed();

  // Ends the waits of `owner` with `rv`. The call into the module continues, so that no event is lost, unless
  // the module is polled (Quirks::pollsForSlotEvents).
  void cancel(const void* owner, CK_RV rv) noexcept;

  // Call it before C_Finalize: ignores the result of the current call, and waits until no polling call is in
  // the module.
  void forget();

 private:
  class Question;
  void answered(std::uint64_t round, CK_RV rv, CK_SLOT_ID slot) noexcept;
  CK_RV poll(std::uint64_t round, CK_SLOT_ID& slot);

  Module& module_;  // lives for the rest of the process, as this does
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  std::optional<CK_SLOT_ID> missed_;
  std::uint64_t round_ = 0;  // of the call whose result counts
  bool asking_ = false;
  bool polling_ = false;
};

}  // namespace cryptoki
