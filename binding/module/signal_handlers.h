// The signal handlers of the process. Some modules install their own in C_Initialize, which ends those of the
// program: process.on('SIGINT') hears nothing any more.
#pragma once

#include <memory>

namespace cryptoki {

// What the handlers were when this was made. Does nothing on Windows.
class SignalHandlers {
 public:
  SignalHandlers();
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;
  ~SignalHandlers();

  // Puts back each handler that was exchanged since, but for those that Node itself has installed meanwhile.
  void restore() const;

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

}  // namespace cryptoki
