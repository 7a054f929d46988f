#include "environment.h"

#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>

#include "entry.h"
#include "marshal/bytes.h"
#include "marshal/number.h"
#include "marshal/unknown_name.h"
#include "module/attachment.h"
#include "runtime/pool.h"
#include "runtime/secret.h"

namespace cryptoki {
namespace {
constexpr std::size_t kCrossingSize = 4096;
constexpr std::size_t kMemorySize = kCrossingSize + sizeof(StateVersionCopy::Number);

// Napi::HandleScope, but it does not throw.
class Scope {
 public:
  explicit Scope(napi_env env) noexcept : env_(env) { napi_open_handle_scope(env, &scope_); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() { napi_close_handle_scope(env_, scope_); }

 private:
  napi_env env_;
  napi_handle_scope scope_ = nullptr;
};

}  // namespace

Environment::Environment(Napi::Env env) : env_(env), channel_(std::make_shared<Channel>(*this)) {
  Pool::get().add(channel_);
  napi_add_env_cleanup_hook(env, &Environment::teardown, this);
}

Napi::Value Environment::setup(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  isMainThread_ = options.Get("isMainThread").ToBoolean();
  const auto functions = options.Get("functions").As<Napi::Object>();
  const auto named = [&functions](const char* name) {
    return Napi::Weak(functions.Get(name).As<Napi::Function>());
  };
  functions_.owner = Napi::Weak(functions);
  functions_.createError = named("createError");
  functions_.createArgumentError = named("createArgumentError");
  functions_.createDate = named("createDate");
  functions_.takeResult = named("takeResult");
  if (waiting_ > 0) pin();
  if (crossingOwner_.IsEmpty()) makeCrossing();
  return crossingOwner_.IsEmpty() ? env_.Undefined() : Napi::Value(crossingOwner_.Value());
}

// Created here, with classes of the main realm, because it lives as long as the environment.
void Environment::makeCrossing() {
  const Napi::Value shared = env_.Global().Get("SharedArrayBuffer");
  const Napi::Value bytes = env_.Global().Get("Uint8Array");
  if (!shared.IsFunction() || !bytes.IsFunction()) return;
  const Napi::Object buffer = shared.As<Napi::Function>().New({Napi::Number::New(env_, kMemorySize)});
  const Napi::Object crossing = bytes.As<Napi::Function>().New({buffer});
  void* memory = nullptr;
  std::size_t length = 0;
  if (!crossing.IsTypedArray() ||
      napi_get_typedarray_info(env_, crossing, nullptr, &length, &memory, nullptr, nullptr) != napi_ok ||
      length != kMemorySize)
    return;
  crossingOwner_ = Napi::Persistent(crossing);
  crossing_ = {static_cast<unsigned char*>(memory), kCrossingSize};
  stateVersion_.emplace(crossing_.data + kCrossingSize);
}

void Environment::pin() {
  if (!functions_.owner.Value().IsEmpty()) functions_.owner.Ref();
}

void Environment::unpin() {
  if (!functions_.owner.Value().IsEmpty()) functions_.owner.Unref();
}

void Environment::teardown(void* self) {
  auto& environment = *static_cast<Environment*>(self);
  environment.channel_->close();
  environment.stateVersion_.reset();
  if (environment.isMainThread_) {
    Pool::get().quiesce();
    return;
  }
  for (const auto& weak : environment.attachments_) {
    if (const auto attachment = weak.lock()) attachment->abandon();
  }
}

Napi::Promise Environment::promise(Job& job) {
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env_, &deferred, &promise) != napi_ok) throw Napi::Error::New(env_);
  job.settleOn(channel_, deferred);
  if (waiting_++ == 0) pin();
  channel_->expect();
  return Napi::Promise(env_, promise);
}

Napi::Value Environment::result(const unsigned char* data, std::size_t size) {
  if (size == 0 || size > crossing_.size || functions_.takeResult.Value().IsEmpty())
    return fromBytes(env_, data, size);
  std::memcpy(crossing_.data, data, size);
  const Napi::Value taken = functions_.takeResult.Call({Napi::Number::New(env_, static_cast<double>(size))});
  wipe(crossing_.data, size);  // the result may be a plaintext
  return taken;
}

void Environment::settle(Job& job) noexcept {
  const Scope scope(env_);
  try {
    if (job.deferred() == nullptr) {  // a notification; no promise waits for it
      job.result(env_);
      return;
    }
    try {
      napi_resolve_deferred(env_, job.deferred(), job.result(env_));
    } catch (...) {
      napi_reject_deferred(env_, job.deferred(), currentError());
    }
    if (--waiting_ == 0) unpin();
  } catch (...) {
    // JavaScript cannot run any more, not even to create an error: the thread is being terminated, and
    // nothing waits for the result.
  }
}

Napi::Value Environment::currentError() {
  try {
    throw;
  } catch (const Failure& failure) {
    return error(failure);
  } catch (const BadArgument& bad) {
    return error(bad);
  } catch (const UnknownName& unknown) {
    auto object = Napi::TypeError::New(env_, unknown.message).Value().As<Napi::Object>();
    object.Set("code", "ERR_INVALID_ARG_VALUE");
    return object;
  } catch (const Napi::Error& thrown) {
    return thrown.Value();
  } catch (const std::bad_alloc&) {
    return error(Failure::ours("ERR_CRYPTOKI_MEMORY", "not enough memory for the call"));
  } catch (const std::length_error&) {
    return error(Failure::ours("ERR_CRYPTOKI_MEMORY", "not enough memory for the call"));
  } catch (const std::exception& unexpected) {
    return error(Failure::ours("ERR_CRYPTOKI_INTERNAL", unexpected.what()));
  } catch (...) {
    return error(Failure::ours("ERR_CRYPTOKI_INTERNAL", "the module threw a C++ exception"));
  }
}

Napi::Value Environment::error(const Failure& failure) {
  const auto text = [this](const char* string) -> napi_value {
    return string == nullptr ? env_.Undefined() : Napi::String::New(env_, string).As<Napi::Value>();
  };
  const Napi::Function create = functions_.createError.Value();
  if (create.IsEmpty()) return Napi::Error::New(env_, failure.code + failure.detail).Value();
  return create.Call({failure.code.empty() ? env_.Undefined() : text(failure.code.c_str()),
                      fromUlong(env_, failure.rv), text(failure.function), text(failure.detail.c_str())});
}

Napi::Value Environment::error(const BadArgument& bad) {
  const Napi::Function create = functions_.createArgumentError.Value();
  if (!create.IsEmpty())
    return create.Call({Napi::Boolean::New(env_, bad.range), Napi::String::New(env_, bad.message)});
  auto object = bad.range ? Napi::RangeError::New(env_, bad.message).Value().As<Napi::Object>()
                          : Napi::TypeError::New(env_, bad.message).Value().As<Napi::Object>();
  object.Set("code", bad.range ? "ERR_OUT_OF_RANGE" : "ERR_INVALID_ARG_TYPE");
  return object;
}

Napi::Value Environment::date(const char* iso) {
  const auto text = Napi::String::New(env_, iso);
  const Napi::Function create = functions_.createDate.Value();
  return create.IsEmpty() ? env_.Global().Get("Date").As<Napi::Function>().New({text}) : create.Call({text});
}

void raise(napi_env env) noexcept {
  try {
    napi_throw(env, Environment::of(env).currentError());
    return;
  } catch (const Napi::Error& thrown) {
    // The error object could not be created: the stack is exhausted, or the thread is being terminated.
    try {
      if (!thrown.IsEmpty()) napi_throw(env, thrown.Value());
    } catch (...) {  // nothing can receive the error
    }
  } catch (...) {
  }
  bool isPending = false;
  if (napi_is_exception_pending(env, &isPending) == napi_ok && !isPending)
    napi_throw_error(env, "ERR_CRYPTOKI_INTERNAL", "the call failed, and its error could not be created");
}

std::uint64_t Environment::addWatch(Napi::Function callback) {
  watches_[++lastWatch_] = Napi::Persistent(callback);
  return lastWatch_;
}

void Environment::callWatch(std::uint64_t id, Napi::Value what) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  try {
    found->second.Call({what});
  } catch (const Napi::Error& thrown) {
    napi_fatal_exception(env_, thrown.Value());
  }
}

void Environment::add(const std::shared_ptr<Attachment>& attachment) {
  std::erase_if(attachments_, [](const auto& weak) { return weak.expired(); });
  attachments_.insert(attachment);
}

}  // namespace cryptoki
