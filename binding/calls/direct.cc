// Synchronous operations of a microsecond, without a job: the message is read where it lies and the result is
// written where JavaScript will look, since nothing else can run meanwhile. What needs more than that (a
// session in use, a longer result) answers undefined, and is done in the general way. These are plain
// functions of Node-API, since looking for the RawModule behind `this` takes as long as all the rest.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "calls/raw_module.h"
#include "calls/steps.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

using List = CK_FUNCTION_LIST_3_2;

constexpr std::size_t kDirectNumbers = 4;
constexpr std::size_t kUsualArguments = 6;  // a mechanism with a parameter takes more

struct Memory {
  unsigned char* data = nullptr;
  std::size_t size = 0;
};

// What the functions of one RawModule share.
class Direct {
 public:
  Direct(std::shared_ptr<Attachment> attachment, Environment& environment)
      : attachment_(std::move(attachment)), environment_(environment) {}

  Attachment& attachment() const { return *attachment_; }
  Environment& environment() const { return environment_; }

  // An open session and a claim to the module, as Attachment::session() and use() give them; the one asked
  // for last is found without a look-up.
  void find(CK_SESSION_HANDLE handle, const char* function, std::shared_ptr<Session>& session,
            std::shared_ptr<void>& use) {
    use = use_.lock();
    if (use && session_->handle() == handle && session_->isOpen() && !isForked()) {
      session = session_;
      return;
    }
    use = attachment_->use(function);
    session = attachment_->session(handle, function);
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
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    count_ = few_.size();
    napi_get_cb_info(env, info, &count_, few_.data(), nullptr, &data_);
    if (count_ <= few_.size()) return;
    many_.resize(count_);
    napi_get_cb_info(env, info, &count_, many_.data(), nullptr, nullptr);
  }

  Direct& direct() const { return **static_cast<std::shared_ptr<Direct>*>(data_); }
  napi_env env() const { return env_; }
  Napi::Value value(std::size_t index) const { return {env_, few_.at(index)}; }
  std::span<const napi_value> from(std::size_t index) const {
    return std::span(many_.empty() ? few_.data() : many_.data(), count_).subspan(std::min(index, count_));
  }

  bool handle(std::size_t index, CK_ULONG& handle) const {
    std::uint64_t number = 0;
    bool lossless = false;
    if (napi_get_value_bigint_uint64(env_, few_.at(index), &number, &lossless) != napi_ok || !lossless)
      return false;
    handle = static_cast<CK_ULONG>(number);
    return handle == number;
  }

  // Bytes of a Buffer or a Uint8Array, without a copy.
  bool view(std::size_t index, Memory& memory) const {
    static unsigned char nothing = 0;
    void* data = nullptr;
    napi_typedarray_type type{};
    if (napi_get_typedarray_info(env_, few_.at(index), &type, &memory.size, &data, nullptr, nullptr) !=
            napi_ok ||
        type != napi_uint8_array)
      return false;
    memory.data = memory.size == 0 ? &nothing : static_cast<unsigned char*>(data);
    return true;
  }

  // The room for a result: the rest of the memory that JavaScript has given, from an offset on.
  bool room(std::size_t index, Memory& place) const {
    const auto& environment = direct().environment();
    std::uint32_t at = 0;
    if (napi_get_value_uint32(env_, few_.at(index), &at) != napi_ok || at > environment.directSize)
      return false;
    place = {environment.directData + at, environment.directSize - at};
    return true;
  }

  napi_value number(CK_ULONG value) const {
    napi_value result = nullptr;
    napi_create_uint32(env_, static_cast<std::uint32_t>(value), &result);
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
  std::size_t count_ = 0;
  void* data_ = nullptr;
};

// The session if it is free, for as long as this lives.
class Turn {
 public:
  Turn(const Arguments& arguments, const char* function) : attachment_(arguments.direct().attachment()) {
    CK_SESSION_HANDLE handle = 0;
    if (!arguments.handle(0, handle)) return;
    arguments.direct().find(handle, function, session_, use_);
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

// The mechanism as lib/raw/brief.ts gives it, as long as this lives: the arguments from one on, an array as
// several.
class DirectMechanism {
 public:
  DirectMechanism(const Arguments& arguments, std::size_t first, const char* function) {
    const Argument argument{arguments.direct().attachment(), function, "mechanism"};
    const Napi::Value value = arguments.value(first);
    const auto elements = arguments.from(first);
    if (elements.size() > 1) {
      memory_.emplace().readBrief(arguments.env(), elements, argument, false);
      if (memory_->writesBack()) parameter_ = Napi::Value(arguments.env(), elements[2]).As<Napi::Object>();
    } else if (value.IsNumber()) {
      plain_.mechanism = toUlong(value, argument);
    } else {
      memory_.emplace().read(value, argument);
      if (memory_->writesBack()) parameter_ = value.As<Napi::Object>().Get("parameter").As<Napi::Object>();
    }
  }
  CK_MECHANISM& get() { return memory_ ? *memory_->get() : plain_; }
  // After the call: what the module wrote into the parameter goes back into its object.
  void writeBack() const {
    if (!parameter_.IsEmpty()) memory_->writeBack(parameter_);
  }

 private:
  CK_MECHANISM plain_{};
  Napi::Object parameter_;
  std::optional<MechanismMemory> memory_;
};

// (session, data, offset, key, mechanism...) -> length of the result; digests have no key.
template <class Kind>
napi_value operate(const Arguments& arguments) {
  constexpr std::size_t kHasKey = std::is_same_v<Kind, Digest> ? 0 : 1;
  CK_OBJECT_HANDLE key = 0;
  Memory data;
  Memory result;
  if ((kHasKey == 1 && !arguments.handle(3, key)) || !arguments.view(1, data) || !arguments.room(2, result))
    return nullptr;
  DirectMechanism mechanism(arguments, 3 + kHasKey, Kind::Init::name);
  const Turn turn(arguments, Kind::Init::name);
  if (!turn) return nullptr;
  const CK_RV begun = begin<Kind>(turn, mechanism.get(), key);
  if (begun != CKR_OK) turn.fail(begun, Kind::Init::name);
  // NSS wants a buffer of exactly the length of an Ed25519 signature.
  constexpr std::size_t kEd25519 = 64;
  if (mechanism.get().mechanism == CKM_EDDSA && result.size > kEd25519) result.size = kEd25519;
  auto length = static_cast<CK_ULONG>(result.size);
  const CK_RV rv = turn.module().template call<Kind::Run::pointer>(
      turn.session()->handle(), data.data, static_cast<CK_ULONG>(data.size), result.data, &length);
  if (rv == CKR_OK && length <= result.size) {
    mechanism.writeBack();
    return arguments.number(length);
  }
  if (rv != CKR_BUFFER_TOO_SMALL)
    turn.abort(Kind::flag, rv == CKR_OK ? CKR_GENERAL_ERROR : rv, Kind::Run::name);
  turn.end(Kind::flag);
  return nullptr;
}

// (session, data, signature, key, mechanism...) -> whether it is right
napi_value verify(const Arguments& arguments) {
  CK_OBJECT_HANDLE key = 0;
  Memory data;
  Memory signature;
  if (!arguments.view(1, data) || !arguments.view(2, signature) || !arguments.handle(3, key)) return nullptr;
  DirectMechanism mechanism(arguments, 4, Verify::Init::name);
  const Turn turn(arguments, Verify::Init::name);
  if (!turn) return nullptr;
  const CK_RV begun = begin<Verify>(turn, mechanism.get(), key);
  if (begun != CKR_OK) turn.fail(begun, Verify::Init::name);
  const CK_RV rv = turn.module().call<&List::C_Verify>(turn.session()->handle(), data.data,
                                                       static_cast<CK_ULONG>(data.size), signature.data,
                                                       static_cast<CK_ULONG>(signature.size));
  if (rv == CKR_OK) return arguments.boolean(true);
  if (rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE) return arguments.boolean(false);
  turn.abort(CKF_VERIFY, rv, Verify::Run::name);
}

// (session, length, offset) -> length
napi_value random(const Arguments& arguments) {
  Memory result;
  std::uint32_t length = 0;
  if (napi_get_value_uint32(arguments.env(), arguments.value(1), &length) != napi_ok ||
      !arguments.room(2, result) || length > result.size)
    return nullptr;
  const Turn turn(arguments, fn::C_GenerateRandom::name);
  if (!turn) return nullptr;
  const CK_RV rv = turn.module().call<&List::C_GenerateRandom>(turn.session()->handle(), result.data,
                                                               static_cast<CK_ULONG>(length));
  if (rv != CKR_OK) turn.fail(rv, fn::C_GenerateRandom::name);
  return arguments.value(1);
}

// (session) -> true: slot, state, flags and device error are at the beginning of the memory, the first as an
// unsigned integer, the others as doubles.
napi_value sessionInfo(const Arguments& arguments) {
  constexpr CK_ULONG kExact = CK_ULONG{1} << 31;  // so much, and much more, a double holds
  const auto& environment = arguments.direct().environment();
  if (environment.directSize < kDirectNumbers * sizeof(double)) return nullptr;
  const Turn turn(arguments, fn::C_GetSessionInfo::name);
  if (!turn) return nullptr;
  CK_SESSION_INFO its{};
  const CK_RV rv = turn.module().call<&List::C_GetSessionInfo>(turn.session()->handle(), &its);
  if (rv != CKR_OK) turn.fail(rv, fn::C_GetSessionInfo::name);
  turn.session()->token().adopt(its.state);
  if (its.state > kExact || its.flags > kExact || its.ulDeviceError > kExact) return nullptr;
  const std::uint64_t slot = its.slotID;
  const std::array<double, kDirectNumbers - 1> numbers{
      static_cast<double>(its.state), static_cast<double>(its.flags), static_cast<double>(its.ulDeviceError)};
  std::memcpy(environment.directData, &slot, sizeof slot);
  std::memcpy(environment.directData + sizeof slot, numbers.data(), sizeof numbers);
  return arguments.boolean(true);
}

// (memory: Buffer): where results are written from now on.
napi_value setMemory(const Arguments& arguments) {
  Memory memory;
  if (!arguments.view(0, memory)) return nullptr;
  auto& environment = arguments.direct().environment();
  environment.directOwner = Napi::Persistent(arguments.value(0).As<Napi::Object>());
  environment.directData = memory.data;
  environment.directSize = memory.size;
  return nullptr;
}

template <napi_value (*body)(const Arguments&)>
napi_value entry(napi_env env, napi_callback_info info) {
  try {
    return body(Arguments(env, info));
  } catch (...) {
    napi_throw(env, Environment::of(env).currentError());
    return nullptr;
  }
}

// Each function owns what it points to, since it can outlive the others and the RawModule.
void define(Napi::Object object, const char* name, napi_callback callback,
            const std::shared_ptr<Direct>& direct) {
  const Napi::Env env = object.Env();
  auto owned = std::make_unique<std::shared_ptr<Direct>>(direct);
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, owned.get(), &function) != napi_ok) return;
  Napi::Function(env, function)
      .AddFinalizer(
          [](Napi::BasicEnv, std::shared_ptr<Direct>* its) {
            const std::unique_ptr<std::shared_ptr<Direct>> last(its);
          },
          owned.release());
  object.Set(name, Napi::Value(env, function));
}

// () -> the functions
Napi::Value directFunctions(RawModule& raw, const Napi::CallbackInfo& info) {
  const auto direct = std::make_shared<Direct>(raw.attachment(), Environment::of(info.Env()));
  auto object = Napi::Object::New(info.Env());
  define(object, "digest", entry<operate<Digest>>, direct);
  define(object, "sign", entry<operate<Sign>>, direct);
  define(object, "encrypt", entry<operate<Encrypt>>, direct);
  define(object, "verify", entry<verify>, direct);
  define(object, "random", entry<random>, direct);
  define(object, "sessionInfo", entry<sessionInfo>, direct);
  define(object, "setMemory", entry<setMemory>, direct);
  return object;
}

}  // namespace

void defineDirect(std::vector<RawModule::Method>& methods) {
  methods.push_back({"directFunctions", directFunctions, RawModule::Form::Immediate});
}

}  // namespace cryptoki
