// Operations on threads that this addon does not own must end before the exit handlers of the module run:
// real modules crash on later calls.
#pragma once

namespace cryptoki {

// From now on the exit of the process waits for these operations, before the exit handlers registered already
// run.
void watchExit();

// One operation in progress. Throws Failure when the process is exiting.
class OperationInFlight {
 public:
  explicit OperationInFlight(const char* function);
  OperationInFlight(const OperationInFlight&) = delete;
  OperationInFlight& operator=(const OperationInFlight&) = delete;
  ~OperationInFlight();
};

}  // namespace cryptoki
