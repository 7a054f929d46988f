// Excludes overlapping steps: steps in mode Shared may run at the same time, a step in mode Alone runs
// alone. The wait is limited, because a call into a module may hang and other calls must continue.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace cryptoki {

class Gate {
 public:
  enum class Mode : unsigned char { Shared, Alone };

  // Holds the gate while it lives, unless isHeld() returns false because the wait was given up.
  class Pass {
   public:
    Pass(Gate& gate, Mode mode) : gate_(gate), mode_(mode), isHeld_(gate.enter(mode)) {}
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() { leave(); }

    // False: other steps may overlap this one, so its record is doubtful.
    bool isHeld() const { return isHeld_; }
    void leave() {
      if (isHeld_) gate_.leave(mode_);
      isHeld_ = false;
    }

   private:
    Gate& gate_;
    Mode mode_;
    bool isHeld_;
  };

 private:
  static constexpr std::chrono::milliseconds kLongestWait{2000};

  bool enter(Mode mode) {
    std::unique_lock lock(mutex_);
    const auto isFree = [&] { return !alone_ && (mode == Mode::Shared || shared_ == 0); };
    if (!isFree() && isStuck_) return false;
    if (!left_.wait_for(lock, kLongestWait, isFree)) {
      isStuck_ = true;
      return false;
    }
    if (mode == Mode::Shared)
      ++shared_;
    else
      alone_ = true;
    return true;
  }

  void leave(Mode mode) {
    {
      std::lock_guard lock(mutex_);
      isStuck_ = false;
      if (mode == Mode::Shared)
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
  bool isStuck_ = false;  // a wait was given up: later ones do not wait
};

}  // namespace cryptoki
