// Statistics of the fault module: calls, calls in flight, and violations of PKCS#11 by the program.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "fault/generated/functions.h"

namespace cryptoki::fault {

// Violations of the rules of PKCS#11, whatever the token does. Real modules crash on most of them; the fault
// module counts them and does not forward the call.
enum class Breach : unsigned char {
  OverlappingCalls,  // two calls at once on one session
  ClosedSession,     // use of a session that the program has closed
  CloseDuringCall,   // C_CloseSession or C_CloseAllSessions during a call on the session
  CallDuringFinalize,
  FinalizeDuringCall,
};

struct Violation {
  Breach breach{};
  Function function{};             // the call that broke the rule
  std::optional<Function> during;  // the call in progress
  std::uint64_t session = 0;       // ordinal of the session; 0: none
};

std::string_view nameOf(Breach breach);
inline std::string_view nameOf(Function function) { return kShapes[static_cast<std::size_t>(function)].name; }

// Counts activities in progress, and the maximum at any time.
class Gauge {
 public:
  void enter() {
    const std::uint32_t value = now_.fetch_add(1) + 1;
    std::uint32_t most = most_.load(std::memory_order_relaxed);
    while (value > most && !most_.compare_exchange_weak(most, value, std::memory_order_relaxed)) {
    }
  }
  void leave() { now_.fetch_sub(1); }
  std::uint32_t now() const { return now_.load(); }
  std::uint32_t most() const { return most_.load(); }
  void reset() { most_ = now_.load(); }

 private:
  std::atomic<std::uint32_t> now_{0};
  std::atomic<std::uint32_t> most_{0};
};

// Counts during its lifetime.
class Counted {
 public:
  explicit Counted(Gauge& gauge) : gauge_(gauge) { gauge_.enter(); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { gauge_.leave(); }

 private:
  Gauge& gauge_;
};

class Counters {
 public:
  Gauge inFlight;  // calls, except C_WaitForSlotEvent, which may last for ever
  Gauge delayed;   // calls that a rule delays
  Gauge hanging;   // calls that wait for release()

  void called(Function function) {
    calls_[static_cast<std::size_t>(function)].fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t calls(Function function) const { return calls_[static_cast<std::size_t>(function)].load(); }

  void violated(const Violation& violation);
  std::uint64_t violationCount() const { return violationCount_.load(); }
  // The first 1000; violationCount() may be higher.
  std::vector<Violation> violations() const;

  // Resets everything except activities in progress.
  void reset();

 private:
  std::array<std::atomic<std::uint64_t>, kFunctionCount> calls_{};
  std::atomic<std::uint64_t> violationCount_{0};
  mutable std::mutex mutex_;
  std::vector<Violation> violations_;
};

}  // namespace cryptoki::fault
