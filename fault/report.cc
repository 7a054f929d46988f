// The report for programs outside of Node: a text in the file that CRYPTOKI_FAULT_REPORT names, written when
// the module is finalised.
#include <cstdlib>
#include <fstream>

#include "fault/instance.h"

namespace cryptoki::fault {

void Instance::report() const {
  const char* path = std::getenv("CRYPTOKI_FAULT_REPORT");
  if (path == nullptr) return;
  std::ofstream out(path, std::ios::trunc);
  for (std::size_t i = 0; i < kFunctionCount; ++i) {
    const auto function = static_cast<Function>(i);
    if (counters.calls(function) > 0)
      out << "calls " << nameOf(function) << ' ' << counters.calls(function) << '\n';
  }
  std::size_t number = 0;
  for (const auto& [matches, injected] : ruleCounts())
    out << "rule " << ++number << " matches " << matches << " injected " << injected << '\n';
  out << "opened-sessions " << sessions.opened() << '\n'
      << "most-in-flight " << counters.inFlight.most() << '\n'
      << "most-delayed " << counters.delayed.most() << '\n'
      << "violations " << counters.violationCount() << '\n';
  for (const auto& [breach, function, during, session] : counters.violations()) {
    out << "violation " << nameOf(breach) << ' ' << nameOf(function) << " during "
        << (during ? nameOf(*during) : std::string_view("-")) << " session " << session << '\n';
  }
}

}  // namespace cryptoki::fault
