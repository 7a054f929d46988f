#include "runtime/job.h"

#include <exception>
#include <new>
#include <utility>

#include "runtime/channel.h"

namespace cryptoki {

void Job::run() noexcept {
  executeQuietly();
  announce();
}

void Job::executeQuietly() noexcept {
  try {
    execute();
  } catch (Failure& failure) {
    fail(std::move(failure));
  } catch (const std::bad_alloc&) {
    fail(Failure::ours("ERR_CRYPTOKI_MEMORY", "not enough memory for the call"));
  } catch (const std::exception& unexpected) {
    fail(Failure::ours("ERR_CRYPTOKI_INTERNAL", unexpected.what()));
  }
}

void Job::announce() noexcept {
  lease_.reset();
  if (channel_) {
    auto channel = std::move(channel_);
    channel->complete(shared_from_this());
    return;
  }
  std::lock_guard lock(mutex_);
  done_ = true;
  ended_.notify_all();
}

void Job::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return done_; });
}

}  // namespace cryptoki
