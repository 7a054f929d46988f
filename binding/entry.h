// Entry point of the addon: every function that Node-API calls runs inside enter(). No C++ exception may
// leave it, because Node-API would end the process (std::terminate). Even the creation of the error object
// can fail: near the end of the stack, and while a worker is being terminated.
#pragma once

#include "napi_setup.h"

namespace cryptoki {

// Throws the current C++ exception as a JavaScript error. Call it in a catch block.
void raise(napi_env env) noexcept;

template <class Body>
napi_value enter(napi_env env, Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    raise(env);
    return nullptr;
  }
}

using FunctionBody = Napi::Value (*)(const Napi::CallbackInfo& info);

template <FunctionBody body>
napi_value functionEntry(napi_env env, napi_callback_info info) noexcept {
  return enter(env, [&]() -> napi_value { return body(Napi::CallbackInfo(env, info)); });
}

// Defines `body` as a method of an object.
template <FunctionBody body>
void setFunction(Napi::Object object, const char* name) {
  napi_value function = nullptr;
  if (napi_create_function(object.Env(), name, NAPI_AUTO_LENGTH, functionEntry<body>, nullptr, &function) !=
      napi_ok)
    throw Napi::Error::New(object.Env());
  object.Set(name, Napi::Value(object.Env(), function));
}

}  // namespace cryptoki
