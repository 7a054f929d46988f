// The environment of the process, which modules read when they are initialised.
#pragma once

#include <mutex>
#include <string>

#include "fault/instance.h"

namespace cryptoki::fault {

// The same lock for all copies of the fault module in the process: each sets variables that the others set
// too.
std::mutex& environmentLock();

void setVariable(const std::string& name, const std::string& value);

// Calls `initialise` while the variables have these values.
template <class Initialise>
CK_RV withEnvironment(const Environment& environment, Initialise initialise) {
  if (environment.empty()) return initialise();
  const std::lock_guard lock(environmentLock());
  for (const auto& [name, value] : environment) setVariable(name, value);
  return initialise();
}

// Tells a person why the module cannot be used, where no error can: C_GetFunctionList has a CK_RV only.
void complain(const char* why);

}  // namespace cryptoki::fault
