// The signal handlers of the process. Some modules install their own in C_Initialize and replace those of the
// program: process.on('SIGINT') receives no signals any more.
#pragma once

#include <memory>

namespace cryptoki {

// Saves the handlers when it is constructed. Does nothing on Windows.
class SignalHandlers {
 public:
  SignalHandlers();
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;
  ~SignalHandlers();

  // Restores each handler that has changed since, except those that Node itself has installed in the
  // meantime.
  void restore() const;

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

}  // namespace cryptoki
