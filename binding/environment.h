// What the addon keeps per environment (main thread or worker thread). There is no mutable global per
// environment.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>

#include "error.h"
#include "napi_setup.h"
#include "runtime/channel.h"
#include "runtime/job.h"

namespace cryptoki {

class Attachment;

class Environment {
 public:
  // `isMainThread` decides how teardown ends: the main thread's is the exit of the process.
  explicit Environment(Napi::Env env);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() = default;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  Napi::Env env() const { return env_; }

  // setup({ createError, isMainThread, crossing?, takeResult? }) -> the memory that is used: called by
  // lib/raw/addon.ts.
  Napi::Value setup(const Napi::CallbackInfo& info);

  // Starts nothing itself: makes the promise for a job and tells it where to report.
  Napi::Promise promise(Job& job);

  // Resolves or rejects the promise of a job that has ended.
  void settle(Job& job) noexcept;

  // The JavaScript error for the C++ exception that is being handled. Call it in a catch block.
  Napi::Value currentError();

  // How other threads reach this one.
  const std::shared_ptr<Channel>& channel() const { return channel_; }

  // Functions of JavaScript that are told of changes. An exception of theirs is an uncaught one.
  std::uint64_t addWatch(Napi::Function callback);
  void removeWatch(std::uint64_t id) { watches_.erase(id); }
  void tellWatch(std::uint64_t id, Napi::Value what);

  // The JavaScript error for a failure.
  Napi::Value error(const Failure& failure);

  // Attachments that must be released when this environment ends.
  void add(const std::shared_ptr<Attachment>& attachment);

  Napi::FunctionReference rawModule;  // the constructor of RawModule

  // Where results cross into JavaScript that fit in here; JavaScript thread only. It is shared memory
  // (SharedArrayBuffer), which no program can detach or shrink, and the Environment holds a reference to it:
  // so the pointer stays good as long as the Environment. JavaScript copies from it
  // (lib/raw/short-results.ts), so each result has an ArrayBuffer of its own. Empty where setup() was given
  // none.
  struct Crossing {
    unsigned char* data = nullptr;
    std::size_t size = 0;
  };
  const Crossing& crossing() const { return crossing_; }

  // A Buffer of its own with a result. One that fits in crossing() is copied by JavaScript: Node-API takes
  // several times as long to make a Buffer.
  Napi::Value result(const unsigned char* data, std::size_t size);

 private:
  static void teardown(void* self);
  Napi::Value error(const BadArgument& bad);

  Napi::Env env_;
  std::shared_ptr<Channel> channel_;
  std::set<std::weak_ptr<Attachment>, std::owner_less<>> attachments_;
  Napi::FunctionReference createError_;
  Crossing crossing_;
  Napi::ObjectReference crossingOwner_;
  Napi::FunctionReference takeResult_;  // (length) -> a Buffer with the beginning of crossing_
  std::map<std::uint64_t, Napi::FunctionReference> watches_;
  std::uint64_t lastWatch_ = 0;
  bool isMainThread_ = true;
};

// Runs `body` of an asynchronous native function: failures become a rejected promise, so that callers need
// one kind of handling.
template <class Body>
Napi::Value rejecting(Napi::Env env, Body&& body) {
  try {
    return body();
  } catch (...) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(Environment::of(env).currentError());
    return deferred.Promise();
  }
}

}  // namespace cryptoki
