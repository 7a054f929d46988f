// Synchronous operations of a microsecond, without a job: the message is read where it lies and the result is
// written where JavaScript will look, since nothing else can run meanwhile. What needs more than that (a
// session in use, a longer result) answers undefined, and is done in the general way.
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "calls/raw_module.h"
#include "calls/steps.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

using List = CK_FUNCTION_LIST_3_2;

constexpr std::size_t kDirectNumbers = 4;

struct Memory {
  unsigned char* data = nullptr;
  std::size_t size = 0;
};

// Bytes of a Buffer or typed array, without a copy.
bool view(Napi::Value value, Memory& memory) {
  void* data = nullptr;
  if (!value.IsBuffer() || napi_get_buffer_info(value.Env(), value, &data, &memory.size) != napi_ok)
    return false;
  static unsigned char nothing = 0;
  memory.data = memory.size == 0 ? &nothing : static_cast<unsigned char*>(data);
  return true;
}

// The session if it is free, for as long as this lives.
class Turn {
 public:
  Turn(RawModule& raw, Napi::Value handle, const char* function) : attachment_(*raw.attachment()) {
    if (!handle.IsBigInt()) return;
    raw.recent(toUlong(handle, {attachment_, function, "session"}), function, session_, use_);
    entered_ = session_->queue().tryEnter();
    if (entered_ && !session_->isOpen()) {
      session_->queue().leave();
      entered_ = false;
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (entered_) session_->queue().leave();
  }

  explicit operator bool() const { return entered_; }
  Module& module() const { return attachment_.module(); }
  const std::shared_ptr<Session>& session() const { return session_; }

  [[noreturn]] void fail(CK_RV rv, const char* function) const {
    noteFailure(attachment_, session_, rv);
    throw Failure::returned(rv, function);
  }
  [[noreturn]] void abort(CK_FLAGS kind, CK_RV rv, const char* function) const {
    end(kind);
    fail(rv, function);
  }
  void end(CK_FLAGS kind) const {
    if (!endOperations(module(), session_->handle(), kind)) session_->suspect = true;
  }

 private:
  Attachment& attachment_;
  std::shared_ptr<void> use_;
  std::shared_ptr<Session> session_;
  bool entered_ = false;
};

// The room for a result: the rest of the memory that JavaScript has given, from an offset on.
bool room(const Napi::CallbackInfo& info, std::size_t argument, Memory& place) {
  const auto& environment = Environment::of(info.Env());
  if (!info[argument].IsNumber()) return false;
  const auto at = static_cast<std::size_t>(info[argument].As<Napi::Number>().Uint32Value());
  if (at > environment.directSize) return false;
  place = {environment.directData + at, environment.directSize - at};
  return true;
}

template <class Kind>
CK_RV begin(const Turn& turn, CK_MECHANISM& mechanism, CK_OBJECT_HANDLE key) {
  const Module& module = turn.module();
  const CK_SESSION_HANDLE session = turn.session()->handle();
  return beginOperation(turn.module(), *turn.session(), [&] {
    if constexpr (std::is_same_v<Kind, Digest>)
      return module.call<Kind::Init::pointer>(session, &mechanism);
    else
      return module.call<Kind::Init::pointer>(session, &mechanism, key);
  });
}

// The mechanism, a number or an object with a parameter, as long as this lives.
class DirectMechanism {
 public:
  DirectMechanism(Napi::Value value, const Argument& argument) {
    if (value.IsNumber())
      plain_.mechanism = toUlong(value, argument);
    else
      memory_.emplace().read(value, argument);
  }
  CK_MECHANISM& get() { return memory_ ? *memory_->get() : plain_; }
  void settle(bool succeeded) {
    if (memory_) memory_->settle(succeeded);
  }

 private:
  CK_MECHANISM plain_{};
  std::optional<MechanismMemory> memory_;
};

// (session, mechanism: number or object, key, data, offset) -> length of the result; digests have no key.
template <class Kind>
Napi::Value operate(RawModule& raw, const Napi::CallbackInfo& info) {
  constexpr std::size_t kHasKey = std::is_same_v<Kind, Digest> ? 0 : 1;
  const Napi::Env env = info.Env();
  Memory data;
  Memory result;
  if ((kHasKey == 1 && !info[2].IsBigInt()) || !view(info[2 + kHasKey], data) ||
      !room(info, 3 + kHasKey, result))
    return env.Undefined();
  const Argument argument{*raw.attachment(), Kind::Init::name, "mechanism"};
  DirectMechanism mechanism(info[1], argument);
  const CK_OBJECT_HANDLE key =
      kHasKey == 1 ? toUlong(info[2], {*raw.attachment(), Kind::Init::name, "key"}) : 0;
  const Turn turn(raw, info[0], Kind::Init::name);
  if (!turn) return env.Undefined();
  const CK_RV begun = begin<Kind>(turn, mechanism.get(), key);
  if (begun != CKR_OK) turn.fail(begun, Kind::Init::name);
  // NSS wants a buffer of exactly the length of an Ed25519 signature.
  constexpr std::size_t kEd25519 = 64;
  if (mechanism.get().mechanism == CKM_EDDSA && result.size > kEd25519) result.size = kEd25519;
  auto length = static_cast<CK_ULONG>(result.size);
  const CK_RV rv = turn.module().template call<Kind::Run::pointer>(
      turn.session()->handle(), data.data, static_cast<CK_ULONG>(data.size), result.data, &length);
  if (rv == CKR_OK && length <= result.size) {
    mechanism.settle(true);
    return Napi::Number::New(env, static_cast<double>(length));
  }
  if (rv != CKR_BUFFER_TOO_SMALL)
    turn.abort(Kind::flag, rv == CKR_OK ? CKR_GENERAL_ERROR : rv, Kind::Run::name);
  turn.end(Kind::flag);
  return env.Undefined();
}

// (session, mechanism: number or object, key, data, signature) -> whether it is right
Napi::Value verify(RawModule& raw, const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Memory data;
  Memory signature;
  if (!info[2].IsBigInt() || !view(info[3], data) || !view(info[4], signature)) return env.Undefined();
  const Argument argument{*raw.attachment(), Verify::Init::name, "mechanism"};
  DirectMechanism mechanism(info[1], argument);
  const CK_OBJECT_HANDLE key = toUlong(info[2], {*raw.attachment(), Verify::Init::name, "key"});
  const Turn turn(raw, info[0], Verify::Init::name);
  if (!turn) return env.Undefined();
  const CK_RV begun = begin<Verify>(turn, mechanism.get(), key);
  if (begun != CKR_OK) turn.fail(begun, Verify::Init::name);
  const CK_RV rv = turn.module().call<&List::C_Verify>(turn.session()->handle(), data.data,
                                                       static_cast<CK_ULONG>(data.size), signature.data,
                                                       static_cast<CK_ULONG>(signature.size));
  if (rv == CKR_OK) return Napi::Boolean::New(env, true);
  if (rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE) return Napi::Boolean::New(env, false);
  turn.abort(CKF_VERIFY, rv, Verify::Run::name);
}

// (session, length, offset) -> length
Napi::Value random(RawModule& raw, const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Memory result;
  if (!info[1].IsNumber() || !room(info, 2, result)) return env.Undefined();
  const auto length = static_cast<CK_ULONG>(info[1].As<Napi::Number>().Uint32Value());
  if (length > result.size) return env.Undefined();
  const Turn turn(raw, info[0], fn::C_GenerateRandom::name);
  if (!turn) return env.Undefined();
  const CK_RV rv = turn.module().call<&List::C_GenerateRandom>(turn.session()->handle(), result.data, length);
  if (rv != CKR_OK) turn.fail(rv, fn::C_GenerateRandom::name);
  return info[1];
}

// (session) -> true: slot, state, flags and device error are at the beginning of the memory, the first as an
// unsigned integer, the others as doubles.
Napi::Value sessionInfo(RawModule& raw, const Napi::CallbackInfo& info) {
  constexpr CK_ULONG kExact = CK_ULONG{1} << 31;  // so much, and much more, a double holds
  const Napi::Env env = info.Env();
  const auto& environment = Environment::of(env);
  if (environment.directSize < kDirectNumbers * sizeof(double)) return env.Undefined();
  const Turn turn(raw, info[0], fn::C_GetSessionInfo::name);
  if (!turn) return env.Undefined();
  CK_SESSION_INFO its{};
  const CK_RV rv = turn.module().call<&List::C_GetSessionInfo>(turn.session()->handle(), &its);
  if (rv != CKR_OK) turn.fail(rv, fn::C_GetSessionInfo::name);
  turn.session()->token().adopt(its.state);
  if (its.state > kExact || its.flags > kExact || its.ulDeviceError > kExact) return env.Undefined();
  const std::uint64_t slot = its.slotID;
  const std::array<double, kDirectNumbers - 1> numbers{
      static_cast<double>(its.state), static_cast<double>(its.flags), static_cast<double>(its.ulDeviceError)};
  std::memcpy(environment.directData, &slot, sizeof slot);
  std::memcpy(environment.directData + sizeof slot, numbers.data(), sizeof numbers);
  return Napi::Boolean::New(env, true);
}

// (memory: Buffer): where results are written from now on.
Napi::Value setMemory(RawModule& /*raw*/, const Napi::CallbackInfo& info) {
  Memory memory;
  if (!view(info[0], memory)) return info.Env().Undefined();
  auto& environment = Environment::of(info.Env());
  environment.directOwner = Napi::Persistent(info[0].As<Napi::Object>());
  environment.directData = memory.data;
  environment.directSize = memory.size;
  return info.Env().Undefined();
}

}  // namespace

void defineDirect(std::vector<RawModule::Method>& methods) {
  methods.push_back({"digestDirect", operate<Digest>, RawModule::Form::Immediate});
  methods.push_back({"signDirect", operate<Sign>, RawModule::Form::Immediate});
  methods.push_back({"encryptDirect", operate<Encrypt>, RawModule::Form::Immediate});
  methods.push_back({"verifyDirect", verify, RawModule::Form::Immediate});
  methods.push_back({"randomDirect", random, RawModule::Form::Immediate});
  methods.push_back({"sessionInfoDirect", sessionInfo, RawModule::Form::Immediate});
  methods.push_back({"setDirectMemory", setMemory, RawModule::Form::Immediate});
}

}  // namespace cryptoki
