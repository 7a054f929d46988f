// Handlers that C_Initialize leaves in the process.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

bool isFinalised() { return Instance::get().state() == Instance::State::Out; }

void hangAtExit() {
  while (!isFinalised()) std::this_thread::sleep_for(std::chrono::seconds(1));
}

void abortAtExit() {
  if (!isFinalised()) std::abort();
}

template <void (*Handler)()>
CK_RV registerExitHandler(OddCall& odd) {
  static std::once_flag once;
  const CK_RV rv = odd.proceed();
  if (rv == CKR_OK) std::call_once(once, [] { std::atexit(Handler); });
  return rv;
}

CK_RV keepSignalHandlers(OddCall& odd) {
  const CK_RV rv = odd.proceed();
#ifndef _WIN32
  if (rv == CKR_OK) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  }
#endif
  return rv;
}

constexpr std::array kActions{
    OddityAction{Oddity::KeepsSignalHandlers, &keepSignalHandlers},
    OddityAction{Oddity::ExitHandlerHangs, &registerExitHandler<&hangAtExit>},
    OddityAction{Oddity::ExitHandlerAborts, &registerExitHandler<&abortAtExit>},
};

}  // namespace

std::span<const OddityAction> lifecycleOddities() { return kActions; }

}  // namespace cryptoki::fault
