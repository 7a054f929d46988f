// The fault module as a Node addon, which lib/testing/ controls. The library also loads outside of Node,
// where Node-API does not exist: its symbols are weak, and no function in this file is called.
#include <stdexcept>

#include "error.h"
#include "fault/environment.h"
#include "fault/instance.h"
#include "napi_setup.h"

namespace cryptoki::fault {
namespace {

Napi::Error errorOf(Napi::Env env, const std::string& message, const std::string& code, CK_RV rv = CKR_OK) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  if (rv != CKR_OK) error.Set("rv", Napi::Number::New(env, static_cast<double>(rv)));
  return error;
}

// lib/testing/ has checked the arguments.
template <class Method>
Napi::Value guarded(const Napi::CallbackInfo& info, Method method) {
  try {
    return method(Instance::get(), info);
  } catch (const Failure& failure) {
    throw errorOf(info.Env(), failure.detail, failure.code, failure.rv);
  } catch (const std::out_of_range& problem) {
    throw errorOf(info.Env(), problem.what(), "ERR_OUT_OF_RANGE");
  } catch (const std::invalid_argument& problem) {
    throw errorOf(info.Env(), problem.what(), "ERR_INVALID_ARG_VALUE");
  } catch (const std::logic_error& problem) {
    throw errorOf(info.Env(), problem.what(), "ERR_CRYPTOKI_UNSUPPORTED");
  }
}

std::optional<CK_SLOT_ID> slotArgument(const Napi::Value& value) {
  if (value.IsUndefined()) return std::nullopt;
  bool lossless = false;
  return static_cast<CK_SLOT_ID>(value.As<Napi::BigInt>().Uint64Value(&lossless));
}

Napi::Value useModule(Instance& instance, const Napi::CallbackInfo& info) {
  const auto variables = info[1].As<Napi::Object>();
  Environment environment;
  const Napi::Array names = variables.GetPropertyNames();
  for (std::uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::Value name = names[i];
    environment.emplace_back(name.As<Napi::String>().Utf8Value(),
                             variables.Get(name).As<Napi::String>().Utf8Value());
  }
  instance.useEnvironment(std::move(environment));
  instance.useModule(info[0].As<Napi::String>().Utf8Value());
  return info.Env().Undefined();
}

// Changes the environment that native code reads: in a worker, changes of process.env do not reach it.
Napi::Value changeEnvironment(Instance& /*instance*/, const Napi::CallbackInfo& info) {
  const std::lock_guard lock(environmentLock());
  setVariable(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value());
  return info.Env().Undefined();
}

Napi::Value setPlan(Instance& instance, const Napi::CallbackInfo& info) {
  instance.setPlan(info[0].As<Napi::String>().Utf8Value());
  return info.Env().Undefined();
}

Napi::Value clearPlan(Instance& instance, const Napi::CallbackInfo& info) {
  instance.clearPlan();
  return info.Env().Undefined();
}

Napi::Value resetCounters(Instance& instance, const Napi::CallbackInfo& info) {
  instance.counters.reset();
  return info.Env().Undefined();
}

Napi::Value release(Instance& instance, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), instance.release());
}

Napi::Value removeToken(Instance& instance, const Napi::CallbackInfo& info) {
  instance.removeToken(slotArgument(info[0]), Milliseconds(info[1].As<Napi::Number>().DoubleValue()));
  return info.Env().Undefined();
}

Napi::Value insertToken(Instance& instance, const Napi::CallbackInfo& info) {
  instance.insertToken(slotArgument(info[0]));
  return info.Env().Undefined();
}

Napi::Value loseSessions(Instance& instance, const Napi::CallbackInfo& info) {
  instance.loseSessions(slotArgument(info[0]), CKR_SESSION_CLOSED);
  return info.Env().Undefined();
}

Napi::Value loseDevice(Instance& instance, const Napi::CallbackInfo& info) {
  instance.loseDevice();
  return info.Env().Undefined();
}

Napi::Value logout(Instance& instance, const Napi::CallbackInfo& info) {
  instance.logout(slotArgument(info[0]));
  return info.Env().Undefined();
}

Napi::Value counters(Instance& instance, const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto number = [&](auto value) { return Napi::Number::New(env, static_cast<double>(value)); };
  auto calls = Napi::Object::New(env);
  for (std::size_t i = 0; i < kFunctionCount; ++i) {
    const auto function = static_cast<Function>(i);
    const std::uint64_t count = instance.counters.calls(function);
    if (count > 0) calls.Set(std::string(nameOf(function)), number(count));
  }
  auto rules = Napi::Array::New(env);
  for (const auto& [matches, injected] : instance.ruleCounts()) {
    auto rule = Napi::Object::New(env);
    rule.Set("matches", number(matches));
    rule.Set("injected", number(injected));
    rules.Set(rules.Length(), rule);
  }
  auto result = Napi::Object::New(env);
  result.Set("calls", calls);
  result.Set("rules", rules);
  result.Set("openSessions", number(instance.openSessions()));
  result.Set("openedSessions", number(instance.sessions.opened()));
  result.Set("inFlight", number(instance.counters.inFlight.now()));
  result.Set("mostInFlight", number(instance.counters.inFlight.most()));
  result.Set("delayed", number(instance.counters.delayed.now()));
  result.Set("mostDelayed", number(instance.counters.delayed.most()));
  result.Set("hanging", number(instance.counters.hanging.now()));
  result.Set("waiting", number(instance.waiting.now()));
  result.Set("violations", number(instance.counters.violationCount()));
  return result;
}

Napi::Value violations(Instance& instance, const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto result = Napi::Array::New(env);
  for (const auto& [breach, function, during, session] : instance.counters.violations()) {
    auto violation = Napi::Object::New(env);
    violation.Set("kind", std::string(nameOf(breach)));
    violation.Set("function", std::string(nameOf(function)));
    if (during) violation.Set("during", std::string(nameOf(*during)));
    if (session != 0) violation.Set("session", Napi::Number::New(env, static_cast<double>(session)));
    result.Set(result.Length(), violation);
  }
  return result;
}

template <auto Method>
Napi::Value method(const Napi::CallbackInfo& info) {
  return guarded(info, Method);
}

}  // namespace
}  // namespace cryptoki::fault

namespace {

Napi::Object setUp(Napi::Env env, Napi::Object exports) {
  using namespace cryptoki::fault;
  const auto add = [&](const char* name, auto function) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("useModule", method<useModule>);
  add("setVariable", method<changeEnvironment>);
  add("setPlan", method<setPlan>);
  add("clearPlan", method<clearPlan>);
  add("resetCounters", method<resetCounters>);
  add("release", method<release>);
  add("removeToken", method<removeToken>);
  add("insertToken", method<insertToken>);
  add("loseSessions", method<loseSessions>);
  add("loseDevice", method<loseDevice>);
  add("logout", method<logout>);
  add("counters", method<counters>);
  add("violations", method<violations>);
  return exports;
}

}  // namespace

NODE_API_MODULE(cryptoki_fault, setUp)
