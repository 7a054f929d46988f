#include "module/lockout.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "entry.h"
#include "marshal/bytes.h"
#include "runtime/secret.h"

namespace cryptoki {
namespace {

// Digests per account; drops the oldest first. A token locks the PIN long before.
constexpr std::size_t kLimit = 1000;

struct Lockout {
  std::mutex mutex;
  Bytes secret;
  std::map<std::string, std::deque<std::string>> refused;
};

Lockout& lockout() {
  static Lockout& only =
      *new Lockout;  // NOLINT(cppcoreguidelines-owning-memory): threads may outlive statics
  return only;
}

// (candidate: Buffer) -> the first candidate of the process
Napi::Value secret(const Napi::CallbackInfo& info) {
  std::lock_guard lock(lockout().mutex);
  Bytes& kept = lockout().secret;
  if (kept.empty()) {
    const auto candidate = info[0].As<Napi::Uint8Array>();
    kept = Bytes(candidate.Data(), candidate.ByteLength());
  }
  return fromBytes(info.Env(), kept.data(), kept.size());
}

Napi::Value has(const Napi::CallbackInfo& info) {
  const std::string account = info[0].ToString();
  const std::string digest = info[1].ToString();
  std::lock_guard lock(lockout().mutex);
  const auto found = lockout().refused.find(account);
  if (found == lockout().refused.end()) return Napi::Boolean::New(info.Env(), false);
  const auto& pins = found->second;
  return Napi::Boolean::New(info.Env(), std::find(pins.begin(), pins.end(), digest) != pins.end());
}

Napi::Value add(const Napi::CallbackInfo& info) {
  const std::string account = info[0].ToString();
  std::string digest = info[1].ToString();
  std::lock_guard lock(lockout().mutex);
  auto& pins = lockout().refused[account];
  pins.push_back(std::move(digest));
  if (pins.size() > kLimit) pins.pop_front();
  return info.Env().Undefined();
}

Napi::Value remove(const Napi::CallbackInfo& info) {
  const std::string account = info[0].ToString();
  const std::string digest = info[1].ToString();
  std::lock_guard lock(lockout().mutex);
  const auto found = lockout().refused.find(account);
  if (found == lockout().refused.end()) return info.Env().Undefined();
  std::erase(found->second, digest);
  if (found->second.empty()) lockout().refused.erase(found);
  return info.Env().Undefined();
}

Napi::Value removeAll(const Napi::CallbackInfo& info) {
  const std::string prefix = info[0].ToString();
  std::lock_guard lock(lockout().mutex);
  std::erase_if(lockout().refused, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  return info.Env().Undefined();
}

}  // namespace

void defineLockout(Napi::Object exports) {
  const Napi::Env env = exports.Env();
  auto object = Napi::Object::New(env);
  setFunction<secret>(object, "secret");
  setFunction<has>(object, "has");
  setFunction<add>(object, "add");
  setFunction<remove>(object, "delete");
  setFunction<removeAll>(object, "deleteAll");
  exports.Set("lockout", object);
}

}  // namespace cryptoki
