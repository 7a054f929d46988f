#include "module/signal_handlers.h"

#if defined(_WIN32)

namespace cryptoki {
struct SignalHandlers::Saved {};
SignalHandlers::SignalHandlers() = default;
SignalHandlers::~SignalHandlers() = default;
void SignalHandlers::restore() const {}
}  // namespace cryptoki

#else

#include <dlfcn.h>

#include <array>
#include <csignal>

#include "napi_setup.h"

namespace cryptoki {
namespace {

#if defined(NSIG)
constexpr int kSignals = NSIG;
#else
constexpr int kSignals = 65;
#endif

void* handlerOf(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 ? reinterpret_cast<void*>(action.sa_sigaction)
                                             : reinterpret_cast<void*>(action.sa_handler);
}

// Node and libuv are in the same file as Node-API.
bool isOfNode(void* handler) {
  Dl_info file{};
  Dl_info node{};
  return dladdr(handler, &file) != 0 && dladdr(reinterpret_cast<void*>(&napi_create_function), &node) != 0 &&
         file.dli_fbase == node.dli_fbase;
}

}  // namespace

struct SignalHandlers::Saved {
  std::array<struct sigaction, kSignals> actions{};
  std::array<bool, kSignals> known{};
};

SignalHandlers::SignalHandlers() : saved_(std::make_unique<Saved>()) {
  for (int signal = 1; signal < kSignals; ++signal) {
    const auto at = static_cast<std::size_t>(signal);
    saved_->known.at(at) = sigaction(signal, nullptr, &saved_->actions.at(at)) == 0;
  }
}

SignalHandlers::~SignalHandlers() = default;

void SignalHandlers::restore() const {
  for (int signal = 1; signal < kSignals; ++signal) {
    const auto at = static_cast<std::size_t>(signal);
    struct sigaction now {};
    if (!saved_->known.at(at) || sigaction(signal, nullptr, &now) != 0) continue;
    const bool isSame = handlerOf(now) == handlerOf(saved_->actions.at(at));
    if (!isSame && !isOfNode(handlerOf(now))) sigaction(signal, &saved_->actions.at(at), nullptr);
  }
}

}  // namespace cryptoki

#endif
