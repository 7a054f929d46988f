#include "keyobject/exit_gate.h"

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "error.h"

namespace cryptoki {
namespace {

// As long as Pool::quiesce waits.
constexpr auto kExitPatience = std::chrono::milliseconds(1000);

struct Gate {
  std::mutex mutex;
  std::condition_variable quiet;
  int inFlight = 0;
  bool isClosed = false;
};

Gate& gate() {
  static Gate& only = *new Gate;  // NOLINT(cppcoreguidelines-owning-memory): outlives static destructors
  return only;
}

void close() {
  std::unique_lock lock(gate().mutex);
  gate().isClosed = true;
  gate().quiet.wait_for(lock, kExitPatience, [] { return gate().inFlight == 0; });
}

}  // namespace

void watchExit() {
  // Each time, since a module that was loaded later has registered its handlers later; closing twice does no
  // harm. The C library has room for so many at least (C17, 7.22.4.2).
  constexpr int kMost = 16;
  static std::mutex& mutex = *new std::mutex;  // NOLINT(cppcoreguidelines-owning-memory)
  static int registered = 0;
  std::lock_guard lock(mutex);
  if (registered >= kMost) return;
  ++registered;
  std::atexit([] { close(); });
}

OperationInFlight::OperationInFlight(const char* function) {
  std::lock_guard lock(gate().mutex);
  if (gate().isClosed)
    throw Failure::ours("ERR_CRYPTOKI_CLIENT_CLOSED", "the process is about to end", function);
  ++gate().inFlight;
}

OperationInFlight::~OperationInFlight() {
  std::lock_guard lock(gate().mutex);
  if (--gate().inFlight == 0) gate().quiet.notify_all();
}

}  // namespace cryptoki
