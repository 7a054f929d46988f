// Operations on threads that are not ours must have ended before the module's exit handlers run: real modules
// crash on calls after that.
#pragma once

namespace cryptoki {

// From now on the exit of the process waits for operations, before exit handlers that are registered already
// run.
void watchExit();

// One operation. Throws Failure when the process is about to end.
class OperationInFlight {
 public:
  explicit OperationInFlight(const char* function);
  OperationInFlight(const OperationInFlight&) = delete;
  OperationInFlight& operator=(const OperationInFlight&) = delete;
  ~OperationInFlight();
};

}  // namespace cryptoki
