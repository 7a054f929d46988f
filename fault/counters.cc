#include "fault/counters.h"

namespace cryptoki::fault {
namespace {
constexpr std::size_t kMostKept = 1000;
}

std::string_view nameOf(Breach breach) {
  switch (breach) {
    case Breach::OverlappingCalls:
      return "overlapping-calls";
    case Breach::ClosedSession:
      return "closed-session";
    case Breach::CloseDuringCall:
      return "close-during-call";
    case Breach::CallDuringFinalize:
      return "call-during-finalize";
    case Breach::FinalizeDuringCall:
      return "finalize-during-call";
  }
  return {};
}

void Counters::violated(const Violation& violation) {
  violationCount_.fetch_add(1);
  const std::lock_guard lock(mutex_);
  if (violations_.size() < kMostKept) violations_.push_back(violation);
}

std::vector<Violation> Counters::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

void Counters::reset() {
  for (auto& calls : calls_) calls = 0;
  inFlight.reset();
  delayed.reset();
  hanging.reset();
  const std::lock_guard lock(mutex_);
  violations_.clear();
  violationCount_ = 0;
}

}  // namespace cryptoki::fault
