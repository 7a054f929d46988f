// Receivers of login changes on a token: one for every environment that has the module open.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "generated/pkcs11.h"

namespace cryptoki {

class LoginWatcher {
 public:
  LoginWatcher() = default;
  LoginWatcher(const LoginWatcher&) = delete;
  LoginWatcher& operator=(const LoginWatcher&) = delete;
  virtual ~LoginWatcher() = default;
  // Any thread, in the middle of other work: must pass the notification on and return.
  virtual void loginChanged(CK_SLOT_ID slot) noexcept = 0;
};

class LoginWatchers {
 public:
  void add(const std::shared_ptr<LoginWatcher>& watcher) {
    std::lock_guard lock(mutex_);
    std::erase_if(watchers_, [](const auto& weak) { return weak.expired(); });
    watchers_.push_back(watcher);
  }

  void notify(CK_SLOT_ID slot) {
    std::vector<std::weak_ptr<LoginWatcher>> watchers;
    {
      std::lock_guard lock(mutex_);
      watchers = watchers_;
    }
    for (const auto& weak : watchers) {
      if (const auto watcher = weak.lock()) watcher->loginChanged(slot);
    }
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<LoginWatcher>> watchers_;
};

}  // namespace cryptoki
