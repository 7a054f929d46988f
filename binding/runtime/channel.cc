#include "runtime/channel.h"

#include <algorithm>
#include <new>
#include <thread>
#include <utility>

#include "environment.h"
#include "runtime/job.h"

namespace cryptoki {
namespace {
// The number of promises that one turn of the event loop settles (a millisecond or less), so that other
// events are served in between.
constexpr std::size_t kAtOnce = 1024;
// The number of results to collect when the pool expects more.
constexpr std::size_t kTogether = 3;
}  // namespace

Channel::Channel(Environment& environment) : environment_(environment) {
  const Napi::Env env = environment.env();
  const auto name = Napi::String::New(env, "cryptoki");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                      &Channel::wake, &function_) != napi_ok) {
    throw Napi::Error::New(env, "cryptoki: cannot create a thread-safe function");
  }
  napi_unref_threadsafe_function(env, function_);
}

void Channel::expect() {
  if (expected_++ == 0) napi_ref_threadsafe_function(environment_.env(), function_);
}

void Channel::complete(std::shared_ptr<Job> job, Clock::duration patience) noexcept {
  bool mayWait = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    finished_.push_back(std::move(job));
    const bool isOneOfMany = finished_.size() < kTogether && expected_ >= finished_.size() + kTogether;
    if (scheduled_ || (isOneOfMany && Pool::get().gathers())) return;
    if (patience > Clock::duration::zero()) {
      const auto now = Clock::now();
      if (finished_.size() == 1) heldSince_ = now;
      mayWait = now - heldSince_ < patience;
    }
  }
  if (!mayWait || !Pool::get().watches()) remind();
}

void Channel::remind() noexcept {
  {
    std::lock_guard lock(mutex_);
    if (closed_ || scheduled_ || (finished_.empty() && released_.empty())) return;
    scheduled_ = true;
    ++calling_;
  }
  // Outside of the lock: the JavaScript thread wakes at once and needs it.
  napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  --calling_;
}

void Channel::letGo(napi_ref reference) noexcept {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;  // Node-API deletes the references of an environment that ends
    try {
      released_.push_back(reference);
    } catch (const std::bad_alloc&) {
      return;  // the reference is deleted with the environment
    }
  }
  remind();
}

void Channel::wake(napi_env env, napi_value /*callback*/, void* context, void* /*data*/) {
  // During teardown Node drains its queue without an environment. close() drops the jobs.
  if (env != nullptr) static_cast<Channel*>(context)->drain(env);
}

void Channel::drain(napi_env env) noexcept {
  std::vector<napi_ref> released;
  if (settled_ == settling_.size()) {
    settling_.clear();
    settled_ = 0;
    std::lock_guard lock(mutex_);
    settling_.swap(finished_);
    released.swap(released_);
    scheduled_ = false;
  }
  for (const napi_ref reference : released) napi_delete_reference(env, reference);
  const std::size_t end = std::min(settling_.size(), settled_ + kAtOnce);
  for (; settled_ < end; ++settled_) {
    if (settling_[settled_]->deferred() != nullptr) --expected_;
    environment_.settle(*settling_[settled_]);
    settling_[settled_].reset();  // wipe the secrets of a job at once, not after the whole batch
  }
  if (expected_ == 0) napi_unref_threadsafe_function(env, function_);
  std::lock_guard lock(mutex_);
  if (settled_ < settling_.size() || !finished_.empty()) {
    napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  }
}

void Channel::close() noexcept {
  std::vector<std::shared_ptr<Job>> dropped;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(finished_);
  }
  while (calling_ > 0) std::this_thread::yield();
  napi_release_threadsafe_function(function_, napi_tsfn_abort);
}

bool Channel::isClosed() noexcept {
  std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace cryptoki
