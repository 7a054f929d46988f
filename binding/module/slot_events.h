// Waiting for a token to be inserted or removed. The process waits once per module, whoever asks: an event
// ends every wait, and a wait that is given up loses none, since the module is still being asked.
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

  // One wait. Told once, on any thread.
  class Waiter {
   public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    virtual ~Waiter() = default;
    // Whose it is, for cancel().
    virtual const void* owner() const = 0;
    virtual void happened(CK_RV rv, CK_SLOT_ID slot) noexcept = 0;
  };

  // Tells `waiter` of the next event, or of the error with which the module answers.
  void wait(const std::shared_ptr<Waiter>& waiter);

  // An event that came when nobody waited any more, once.
  std::optional<CK_SLOT_ID> takeMissed();

  // Ends the waits of `owner` with `rv`. The module is asked on, so that no event is lost, unless it is asked
  // again and again (Quirks::pollsForSlotEvents).
  void cancel(const void* owner, CK_RV rv) noexcept;

  // Before C_Finalize: what is being asked does not count any more. Waits until no polling call is in the
  // module.
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
  std::uint64_t round_ = 0;  // of the question that counts
  bool asking_ = false;
  bool polling_ = false;
};

}  // namespace cryptoki
