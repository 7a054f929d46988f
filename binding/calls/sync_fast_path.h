// Plain Node-API functions beside the methods of RawModule, for calls that take less time than the look-up of
// the RawModule behind `this`.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "entry.h"
#include "environment.h"
#include "marshal/bytes.h"
#include "marshal/number.h"
#include "module/attachment.h"
#include "napi_setup.h"

namespace cryptoki {

constexpr std::size_t kUsualArguments = 12;  // enough for a mechanism with a parameter of a few fields

struct Memory {
  unsigned char* data = nullptr;
  std::size_t size = 0;
};

// The state that the functions of one RawModule share.
class SyncFastPath {
 public:
  SyncFastPath(std::shared_ptr<Attachment> attachment, Environment& environment)
      : attachment_(std::move(attachment)), environment_(environment) {}

  Attachment& attachment() const { return *attachment_; }
  Environment& environment() const { return environment_; }

  // An open session and a claim to the module, as from Attachment::session() and use(). Caches the latest
  // one, so that a repeated use needs no look-up.
  void find(SessionName name, const char* function, std::shared_ptr<Session>& session,
            std::shared_ptr<void>& use) {
    use = use_.lock();
    const bool isSame =
        use && session_->handle() == name.handle && (name.serial == 0 || name.serial == session_->serial());
    if (isSame && session_->isOpen() && !isForked()) {
      session = session_;
      return;
    }
    use = attachment_->use(function);
    session = attachment_->session(name, function);
    use_ = use;
    session_ = session;
  }

 private:
  std::shared_ptr<Attachment> attachment_;
  Environment& environment_;
  std::shared_ptr<Session> session_;
  std::weak_ptr<void> use_;  // weak: the module is finalised when the last claim is dropped
};

// The arguments of a call.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env), count_(few_.size()) {
    napi_get_cb_info(env, info, &count_, few_.data(), nullptr, &data_);
    if (count_ <= few_.size()) return;
    many_.resize(count_);
    napi_get_cb_info(env, info, &count_, many_.data(), nullptr, nullptr);
  }

  SyncFastPath& fastPath() const { return **static_cast<std::shared_ptr<SyncFastPath>*>(data_); }
  napi_env env() const { return env_; }
  Napi::Value value(std::size_t index) const { return {env_, few_.at(index)}; }
  std::span<const napi_value> from(std::size_t index) const {
    return std::span(many_.empty() ? few_.data() : many_.data(), count_).subspan(std::min(index, count_));
  }

  bool sessionName(std::size_t index, SessionName& name) const {
    return readSessionName(env_, few_.at(index), name);
  }

  bool handle(std::size_t index, CK_ULONG& handle) const {
    std::uint64_t number = 0;
    bool lossless = false;
    if (napi_get_value_bigint_uint64(env_, few_.at(index), &number, &lossless) != napi_ok || !lossless)
      return false;
    handle = static_cast<CK_ULONG>(number);
    return handle == number;
  }

  // The bytes of a Buffer or Uint8Array, without a copy: valid until JavaScript runs again. So call this
  // after all other arguments have been read.
  bool view(std::size_t index, Memory& memory) const {
    void* data = nullptr;
    napi_typedarray_type type{};
    if (napi_get_typedarray_info(env_, few_.at(index), &type, &memory.size, &data, nullptr, nullptr) !=
            napi_ok ||
        type != napi_uint8_array || memory.size == 0)
      return false;
    memory.data = static_cast<unsigned char*>(data);
    return true;
  }

  // Returns the length of a result that was written to Environment::crossing, from which JavaScript copies
  // it; otherwise a Buffer.
  napi_value result(const unsigned char* data, std::size_t size) const {
    const auto& crossing = fastPath().environment().crossing();
    if (size == 0 || size > crossing.size) return fromBytes(env_, data, size);
    std::memcpy(crossing.data, data, size);
    return number(size);
  }

  napi_value number(std::uint64_t value) const {
    napi_value result = nullptr;
    if (value <= std::numeric_limits<std::uint32_t>::max())
      napi_create_uint32(env_, static_cast<std::uint32_t>(value), &result);
    else
      napi_create_double(env_, static_cast<double>(value), &result);
    return result;
  }
  napi_value boolean(bool value) const {
    napi_value result = nullptr;
    napi_get_boolean(env_, value, &result);
    return result;
  }

 private:
  napi_env env_;
  std::array<napi_value, kUsualArguments> few_{};
  std::vector<napi_value> many_;
  std::size_t count_;
  void* data_ = nullptr;
};

template <napi_value (*body)(const Arguments&)>
napi_value fastFunctionEntry(napi_env env, napi_callback_info info) noexcept {
  return enter(env, [&] { return body(Arguments(env, info)); });
}

// Defines the function on the object. The function owns its SyncFastPath, because it can outlive the
// others and the RawModule.
template <napi_value (*body)(const Arguments&)>
void defineFastFunction(Napi::Object object, const char* name,
                        const std::shared_ptr<SyncFastPath>& fastPath) {
  const Napi::Env env = object.Env();
  auto owned = std::make_unique<std::shared_ptr<SyncFastPath>>(fastPath);
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, fastFunctionEntry<body>, owned.get(), &function) !=
      napi_ok)
    return;
  Napi::Function(env, function)
      .AddFinalizer(
          [](Napi::BasicEnv, std::shared_ptr<SyncFastPath>* holder) {
            const std::unique_ptr<std::shared_ptr<SyncFastPath>> last(holder);
          },
          owned.release());
  object.Set(name, Napi::Value(env, function));
}

// By topic.
void defineStateFunctions(Napi::Object object, const std::shared_ptr<SyncFastPath>& fastPath);  // state.cc

}  // namespace cryptoki
