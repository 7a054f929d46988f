// The state of the addon in one JavaScript environment (main thread or worker thread). Do not keep such state
// in globals: environments share the process.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "error.h"
#include "module/state_version.h"
#include "napi_setup.h"
#include "runtime/channel.h"
#include "runtime/job.h"

namespace cryptoki {

class Attachment;

class Environment {
 public:
  // setup() reports whether this is the main thread. Its teardown is the exit of the process; the teardown of
  // a worker releases the attachments.
  explicit Environment(Napi::Env env);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() = default;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  Napi::Env env() const { return env_; }

  // setup({ isMainThread, functions: { createError, createArgumentError, createDate, takeResult } }) ->
  // the memory for short results and, in its last four bytes, the state version: a Uint8Array or undefined;
  // called by lib/raw/addon.ts.
  Napi::Value setup(const Napi::CallbackInfo& info);

  // Creates a Date of the JavaScript realm that uses this environment.
  Napi::Value date(const char* iso);

  // Creates the promise of a job and sets the channel on which the job reports. Does not start the job.
  Napi::Promise promise(Job& job);

  // Resolves or rejects the promise of a job that has ended.
  void settle(Job& job) noexcept;

  // The JavaScript error for the current C++ exception. Call it in a catch block.
  Napi::Value currentError();

  // Other threads reach this environment through its channel.
  const std::shared_ptr<Channel>& channel() const { return channel_; }

  // JavaScript functions that are called on a change. An exception that one throws becomes an uncaught
  // exception.
  std::uint64_t addWatch(Napi::Function callback);
  void removeWatch(std::uint64_t id) { watches_.erase(id); }
  void callWatch(std::uint64_t id, Napi::Value what);

  // The JavaScript error for a failure.
  Napi::Value error(const Failure& failure);

  // Attachments to release when this environment ends.
  void add(const std::shared_ptr<Attachment>& attachment);

  Napi::FunctionReference rawModule;  // the constructor of RawModule

  // Memory through which small results pass to JavaScript; used on the JavaScript thread only. It is a
  // SharedArrayBuffer, which no program can detach or shrink, and the Environment holds a reference to it, so
  // the pointer stays valid as long as the Environment. JavaScript copies from it (lib/raw/short-results.ts),
  // so each result has its own ArrayBuffer. Empty when setup() received no memory.
  struct Crossing {
    unsigned char* data = nullptr;
    std::size_t size = 0;
  };
  const Crossing& crossing() const { return crossing_; }

  // A new Buffer with a result. JavaScript copies a result that fits into crossing(), because Node-API takes
  // several times as long to create a Buffer.
  Napi::Value result(const unsigned char* data, std::size_t size);

 private:
  // Functions of the JavaScript realm that uses this environment; the objects that they create belong to it.
  // The references are weak, because a realm can end long before the environment (a test file of jest) and
  // would otherwise stay in memory. Every JavaScript object that can begin a call holds the functions
  // (lib/raw/addon.ts). `owner`, which holds them too, is pinned while promises are pending.
  struct Functions {
    Napi::ObjectReference owner;
    Napi::FunctionReference createError;
    Napi::FunctionReference createArgumentError;
    Napi::FunctionReference createDate;
    Napi::FunctionReference takeResult;  // (length) -> a Buffer with the beginning of crossing_
  };

  static void teardown(void* self);
  void pin();
  void unpin();
  void makeCrossing();
  Napi::Value error(const BadArgument& bad);

  Napi::Env env_;
  std::shared_ptr<Channel> channel_;
  std::set<std::weak_ptr<Attachment>, std::owner_less<>> attachments_;
  Functions functions_;
  std::size_t waiting_ = 0;  // promises
  Crossing crossing_;
  Napi::ObjectReference crossingOwner_;
  std::optional<StateVersionCopy> stateVersion_;  // in the same memory, behind the crossing
  std::map<std::uint64_t, Napi::FunctionReference> watches_;
  std::uint64_t lastWatch_ = 0;
  bool isMainThread_ = true;
};

// Runs `body` of an asynchronous native function. A failure becomes a rejected promise, so callers handle
// errors in one way only.
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
