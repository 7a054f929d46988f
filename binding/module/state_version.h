// A number that grows with each change of a recorded state in this process: a session was closed, or a login
// began or ended. JavaScript reads its own copy from memory (lib/raw/state-version.ts), so it calls native
// code for a state only after a change.
//
// Invariant: the state is recorded first, then stateChanged() writes all copies; JavaScript reads its copy
// first, then queries the state. So a state that was queried under the number that JavaScript reads is the
// recorded one.
#pragma once

#include <atomic>
#include <cstdint>

namespace cryptoki {

// Any thread, also under a lock: it only writes one number into each copy.
void stateChanged() noexcept;

// The copy of one JavaScript environment, in memory that outlives this object.
class StateVersionCopy {
 public:
  using Number = std::atomic<std::uint32_t>;
  static_assert(Number::is_always_lock_free && sizeof(Number) == sizeof(std::uint32_t),
                "JavaScript reads the number as an element of a Uint32Array");

  // `memory`: four bytes, aligned to four.
  explicit StateVersionCopy(void* memory);
  StateVersionCopy(const StateVersionCopy&) = delete;
  StateVersionCopy& operator=(const StateVersionCopy&) = delete;
  // Afterwards no thread writes into the memory.
  ~StateVersionCopy();

 private:
  Number* number_;
};

}  // namespace cryptoki
