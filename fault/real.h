// The real module that the fault module wraps.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "fault/generated/functions.h"
#include "module/interface.h"
#include "module/library.h"

namespace cryptoki::fault {

class Real {
 public:
  // Throws Failure when the module cannot be loaded.
  explicit Real(const std::string& path);

  const std::string& path() const { return path_; }
  const CK_FUNCTION_LIST_3_2& list() const { return list_.functions; }
  CK_VERSION version() const { return list_.functions.version; }
  bool fromInterface() const { return list_.fromInterface; }

  // Calls a function; returns CKR_FUNCTION_NOT_SUPPORTED if the module does not have it.
  template <Function F, class... Arguments>
  CK_RV call(Arguments... arguments) {
    const auto function = list_.functions.*kMember<F>;
    if (function == nullptr) return CKR_FUNCTION_NOT_SUPPORTED;
    if constexpr (kTouchesObjects<kMember<F>>) {
      const auto lock = lockObjects();
      return function(arguments...);
    } else {
      return function(arguments...);
    }
  }

  // After C_Initialize: sets locksObjects() from the known quirks of the module.
  void learn();

  // Returns true when the fault module makes calls that touch objects one at a time, so that the program does
  // not have to.
  bool locksObjects() const { return locksObjects_.load(); }

 private:
  std::unique_lock<std::mutex> lockObjects() {
    return locksObjects() ? std::unique_lock(objects_) : std::unique_lock<std::mutex>();
  }

  std::string path_;
  FunctionList list_;
  std::atomic<bool> locksObjects_{false};
  std::mutex objects_;
};

}  // namespace cryptoki::fault
