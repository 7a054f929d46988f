#include "runtime/process_exit.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "runtime/pool.h"

#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace cryptoki {
namespace {

std::atomic<bool> skips{false};
std::atomic<int> exitCode{0};
std::atomic<bool (*)()> otherWait{nullptr};

// Waits for the calls in modules, for a limited time. Returns true when none remains.
bool isQuiet() {
  const auto wait = otherWait.load();
  const bool otherIsQuiet = wait == nullptr || wait();
  return Pool::get().quiesce() && otherIsQuiet;
}

#if defined(_WIN32)
// Windows ends all other threads before the exit handlers of libraries run.
void atEnd(int /*code*/) { isQuiet(); }
#else
void flush(std::FILE* file) {
  if (ftrylockfile(file) != 0) return;  // a call that never returns may hold it
  static_cast<void>(std::fflush(file));
  funlockfile(file);
}

void atEnd(int code) {
  if (isQuiet() && !skips) return;
  flush(stdout);
  flush(stderr);
  _exit(code);
}
#endif

}  // namespace

void watchProcessExit() {
  constexpr int kMost = 32;  // the C library guarantees this number (C17, 7.22.4.2)
  static std::atomic<int> registered{0};
  if (registered++ >= kMost) return;
#if defined(__GLIBC__)
  on_exit([](int code, void*) { atEnd(code); }, nullptr);
#else
  std::atexit([] { atEnd(exitCode); });
#endif
}

void waitAtExit(bool (*wait)()) { otherWait = wait; }

void skipExitHandlers() { skips = true; }

void noteExitCode(int code) { exitCode = code; }

}  // namespace cryptoki
