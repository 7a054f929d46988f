// The environment variables of the process, which modules read during C_Initialize.
#pragma once

#include <mutex>
#include <string>

#include "fault/instance.h"

namespace cryptoki::fault {

// One lock for all copies of the fault module in the process, because they all set the same variables.
std::mutex& environmentLock();

void setVariable(const std::string& name, const std::string& value);

// Sets the variables and calls `initialise`; the lock ensures that no other copy changes them meanwhile.
template <class Initialise>
CK_RV withEnvironment(const Environment& environment, Initialise initialise) {
  if (environment.empty()) return initialise();
  const std::lock_guard lock(environmentLock());
  for (const auto& [name, value] : environment) setVariable(name, value);
  return initialise();
}

// Writes the reason why the module cannot be used to stderr: C_GetFunctionList can only return a CK_RV.
void complain(const char* why);

}  // namespace cryptoki::fault
