// Steps on one thing that must not overlap: several of one kind may go on at once, one of the other kind goes
// on alone. Nobody waits longer than a while: a call into a module may hang, and others must get on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace cryptoki {

class Gate {
 public:
  enum class Kind : unsigned char { Shared, Alone };

  // Holds the gate from its construction on, unless isHeld() says that the wait was given up.
  class Pass {
   public:
    Pass(Gate& gate, Kind kind) : gate_(gate), kind_(kind), isHeld_(gate.enter(kind)) {}
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() { leave(); }

    // False: other steps may overlap this one, so what it notes is doubtful.
    bool isHeld() const { return isHeld_; }
    void leave() {
      if (isHeld_) gate_.leave(kind_);
      isHeld_ = false;
    }

   private:
    Gate& gate_;
    Kind kind_;
    bool isHeld_;
  };

 private:
  static constexpr std::chrono::milliseconds kLongestWait{2000};

  bool enter(Kind kind) {
    std::unique_lock lock(mutex_);
    const auto isFree = [&] { return !alone_ && (kind == Kind::Shared || shared_ == 0); };
    if (!isFree() && isStuck_) return false;
    if (!left_.wait_for(lock, kLongestWait, isFree)) {
      isStuck_ = true;
      return false;
    }
    if (kind == Kind::Shared)
      ++shared_;
    else
      alone_ = true;
    return true;
  }

  void leave(Kind kind) {
    {
      std::lock_guard lock(mutex_);
      isStuck_ = false;
      if (kind == Kind::Shared)
        --shared_;
      else
        alone_ = false;
    }
    left_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable left_;
  int shared_ = 0;
  bool alone_ = false;
  bool isStuck_ = false;  // somebody has waited in vain: the next do not wait
};

}  // namespace cryptoki
