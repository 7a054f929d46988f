#include "native_keys/exit_gate.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "error.h"
#include "runtime/process_exit.h"

namespace cryptoki {
namespace {

// The same time as in Pool::quiesce().
constexpr auto kExitPatience = std::chrono::milliseconds(1000);

struct InFlight {
  std::mutex mutex;
  std::condition_variable quiet;
  int inFlight = 0;
  bool isClosed = false;
};

InFlight& gate() {
  static InFlight& only =
      *new InFlight;  // NOLINT(cppcoreguidelines-owning-memory): outlives static destructors
  return only;
}

// Refuses new operations and waits for those in flight. Returns true when all have ended.
bool close() {
  std::unique_lock lock(gate().mutex);
  gate().isClosed = true;
  return gate().quiet.wait_for(lock, kExitPatience, [] { return gate().inFlight == 0; });
}

}  // namespace

void watchExit() { waitAtExit(&close); }

OperationInFlight::OperationInFlight(const char* function) {
  std::lock_guard lock(gate().mutex);
  if (gate().isClosed) throw Failure::ours("ERR_CRYPTOKI_CLIENT_CLOSED", "the process is exiting", function);
  ++gate().inFlight;
}

OperationInFlight::~OperationInFlight() {
  std::lock_guard lock(gate().mutex);
  if (--gate().inFlight == 0) gate().quiet.notify_all();
}

}  // namespace cryptoki
