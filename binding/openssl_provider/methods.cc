// Methods of RawModule for key references; they do not call the module.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "calls/raw_module.h"
#include "marshal/bytes.h"
#include "marshal/collect.h"
#include "marshal/number.h"
#include "native_keys/exit_gate.h"
#include "native_keys/reference_table.h"
#include "openssl_provider/provider.h"

namespace cryptoki {
namespace {

Argument argument(RawModule& raw, const char* function, const char* name) {
  return {*raw.attachment(), function, name};
}

std::string readText(Napi::Value value, const Argument& argument) {
  const Bytes text = toUtf8(value, argument);
  return {text.begin(), text.end()};
}

KeyObjectHandle readHandle(RawModule& raw, const Napi::Object& object, const char* function) {
  KeyObjectHandle handle;
  handle.slot = toUlong(object.Get("slot"), argument(raw, function, "slot"));
  handle.handle = toUlong(object.Get("handle"), argument(raw, function, "handle"));
  handle.isPrivate = toBoolean(object.Get("isPrivate"), argument(raw, function, "isPrivate")) != CK_FALSE;
  handle.readWrite = toBoolean(object.Get("readWrite"), argument(raw, function, "readWrite")) != CK_FALSE;
  const auto session = toSessionName(object.Get("session"), argument(raw, function, "session"));
  handle.home = raw.attachment()->module().session(session);
  return handle;
}

// ({ slot, handle, isPrivate, readWrite, session, publicKeyInfo, mechanisms, opensslVersion }, callback?) ->
// { id, pem }. Calls `callback` with an error when the key is no longer valid, and without one when the
// reference is destroyed. The caller gets one claim to the name.
Napi::Value createKeyReference(RawModule& raw, const Napi::CallbackInfo& info) {
  constexpr const char* kFunction = "createKeyReference";
  if (!info[0].IsObject()) argument(raw, kFunction, "key").mustBe("an object", info[0]);
  const auto options = info[0].As<Napi::Object>();
  provider::ensureRegistered(
      readText(options.Get("opensslVersion"), argument(raw, kFunction, "opensslVersion")));
  KeyReference::Parts parts;
  parts.attachment = raw.attachment();
  parts.object = readHandle(raw, options, kFunction);
  const Argument list = argument(raw, kFunction, "mechanisms");
  const auto mechanisms = elementsOf(options.Get("mechanisms"), list, "an array of numbers");
  for (std::size_t i = 0; i < mechanisms.size(); ++i)
    parts.mechanisms.insert(toUlong(mechanisms[i], list.element(i)));
  parts.publicKey =
      SoftwareKey::fromDer(toBytes(options.Get("publicKeyInfo"), argument(raw, kFunction, "publicKeyInfo")));
  KeyKind kind{};
  if (!parts.publicKey || !parts.publicKey.kind(kind)) {
    throw Failure::ours("ERR_CRYPTOKI_UNSUPPORTED",
                        "keys of this type cannot be native keys; use sign() of the key");
  }
  if (info[1].IsFunction()) {
    auto& environment = Environment::of(info.Env());
    parts.channel = environment.channel();
    parts.watch = environment.addWatch(info[1].As<Napi::Function>());
  }
  const std::uint64_t watch = parts.watch;
  std::shared_ptr<KeyReference> reference;
  try {
    reference = KeyReference::create(std::move(parts));
  } catch (...) {
    Environment::of(info.Env()).removeWatch(watch);
    throw;
  }
  watchExit();  // possible now, because the module is initialised
  auto result = Napi::Object::New(info.Env());
  result.Set("id", reference->id());
  result.Set("pem", provider::pemOf(*reference));
  return result;
}

std::string readId(RawModule& raw, const Napi::CallbackInfo& info, const char* function) {
  return readText(info[0], argument(raw, function, "id"));
}

std::shared_ptr<KeyReference> referenceIn(RawModule& raw, const Napi::CallbackInfo& info,
                                          const char* function) {
  return reference_table::find(readId(raw, info, function));
}

// (id, { slot, handle, isPrivate, readWrite, session } | null): the new position of the key; null if it
// cannot be found.
Napi::Value updateKeyReference(RawModule& raw, const Napi::CallbackInfo& info) {
  constexpr const char* kFunction = "updateKeyReference";
  const auto reference = referenceIn(raw, info, kFunction);
  if (!reference) return info.Env().Undefined();
  if (info[1].IsObject()) {
    reference->found(readHandle(raw, info[1].As<Napi::Object>(), kFunction));
  } else {
    reference->gaveUp();
  }
  return info.Env().Undefined();
}

// (id): the key is no longer at its position.
Napi::Value invalidateKeyReference(RawModule& raw, const Napi::CallbackInfo& info) {
  if (const auto reference = referenceIn(raw, info, "invalidateKeyReference")) reference->stale();
  return info.Env().Undefined();
}

// (id): forbids any further use.
Napi::Value releaseKeyReference(RawModule& raw, const Napi::CallbackInfo& info) {
  if (const auto reference = referenceIn(raw, info, "releaseKeyReference")) {
    reference->release();
    if (reference->watch() != 0) Environment::of(info.Env()).removeWatch(reference->watch());
  }
  return info.Env().Undefined();
}

// (id) -> true if the reference exists; it then has one more claim.
Napi::Value claimKeyReference(RawModule& raw, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), reference_table::claim(readId(raw, info, "claimKeyReference")));
}

// (id): removes a claim. After the last one the reference lives as long as the keys made from it.
Napi::Value unclaimKeyReference(RawModule& raw, const Napi::CallbackInfo& info) {
  reference_table::unclaim(readId(raw, info, "unclaimKeyReference"));
  return info.Env().Undefined();
}

// (id, milliseconds): closes sessions that have been idle for this time.
Napi::Value closeIdleKeySessions(RawModule& raw, const Napi::CallbackInfo& info) {
  constexpr const char* kFunction = "closeIdleKeySessions";
  constexpr CK_ULONG kLongest = 86'400'000;  // a day
  const auto reference = referenceIn(raw, info, kFunction);
  const auto time = std::min(toUlong(info[1], argument(raw, kFunction, "milliseconds")), kLongest);
  if (reference) reference->closeIdleSessions(TokenSessions::Clock::now() - std::chrono::milliseconds(time));
  return info.Env().Undefined();
}

}  // namespace

void defineKeyObjects(std::vector<RawModule::Method>& methods) {
  constexpr auto kImmediate = RawModule::Form::Immediate;
  methods.push_back({"createKeyReference", createKeyReference, kImmediate});
  methods.push_back({"updateKeyReference", updateKeyReference, kImmediate});
  methods.push_back({"invalidateKeyReference", invalidateKeyReference, kImmediate});
  methods.push_back({"releaseKeyReference", releaseKeyReference, kImmediate});
  methods.push_back({"claimKeyReference", claimKeyReference, kImmediate});
  methods.push_back({"unclaimKeyReference", unclaimKeyReference, kImmediate});
  methods.push_back({"closeIdleKeySessions", closeIdleKeySessions, kImmediate});
}

}  // namespace cryptoki
