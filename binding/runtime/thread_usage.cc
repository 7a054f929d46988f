#include "runtime/thread_usage.h"

#if defined(__linux__)
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <string>
#endif

namespace cryptoki {

#if defined(__linux__)

struct ThreadUsage::Thread {
  clockid_t clock{};
  bool hasClock = false;
  std::string status;  // path
};

ThreadUsage::ThreadUsage() : thread_(std::make_unique<Thread>()) {
  thread_->hasClock = pthread_getcpuclockid(pthread_self(), &thread_->clock) == 0;
  thread_->status = "/proc/self/task/" + std::to_string(syscall(SYS_gettid)) + "/stat";
}

bool ThreadUsage::isKnown() { return true; }

std::chrono::nanoseconds ThreadUsage::computed() const {
  timespec time{};
  if (!thread_->hasClock || clock_gettime(thread_->clock, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

bool ThreadUsage::sleeps() const {
  std::ifstream file(thread_->status);
  std::string line;
  if (!std::getline(file, line)) return true;
  const auto name = line.rfind(") ");  // the thread name can contain anything; the state follows it
  return name == std::string::npos || line.size() < name + 3 || line[name + 2] != 'R';
}

#else

struct ThreadUsage::Thread {};
ThreadUsage::ThreadUsage() = default;
bool ThreadUsage::isKnown() { return false; }
std::chrono::nanoseconds ThreadUsage::computed() const { return {}; }
bool ThreadUsage::sleeps() const { return true; }

#endif

ThreadUsage::~ThreadUsage() = default;

}  // namespace cryptoki
