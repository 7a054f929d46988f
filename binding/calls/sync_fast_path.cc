// Synchronous operations that take about a microsecond, without a job. When a call needs more (the session is
// in use, the result is long), the function returns undefined and JavaScript uses the general method. These
// are plain Node-API functions, because the look-up of the RawModule behind `this` takes as long as all the
// rest.
//
// The message is not copied. That is safe because no JavaScript runs between Arguments::view() and the return
// of the module: mechanisms, whose members may be getters, are read before, and the module is called on this
// thread. The module writes results into memory of this addon, never into JavaScript memory.
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "calls/init_and_operation.h"
#include "calls/raw_module.h"
#include "calls/sync_fast_path.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

using List = CK_FUNCTION_LIST_3_2;

constexpr std::size_t kSessionInfoNumbers = 4;

// Holds the session if it is free. Converts to false if it is in use or closed.
class HeldSession {
 public:
  HeldSession(const Arguments& arguments, const char* function)
      : attachment_(arguments.fastPath().attachment()) {
    SessionName name;
    if (!arguments.sessionName(0, name)) return;
    arguments.fastPath().find(name, function, session_, use_);
    entered_ = session_->queue().tryEnter();
    if (entered_ && !session_->isOpen()) {
      session_->queue().leave();
      entered_ = false;
    }
  }
  HeldSession(const HeldSession&) = delete;
  HeldSession& operator=(const HeldSession&) = delete;
  ~HeldSession() {
    if (entered_) session_->queue().leave();
  }

  explicit operator bool() const { return entered_; }
  Module& module() const { return attachment_.module(); }
  const std::shared_ptr<Session>& session() const { return session_; }

  [[noreturn]] void fail(CK_RV rv, const char* function) const {
    noteFailure(attachment_, session_, rv);
    throw Failure::returned(rv, function);
  }
  [[noreturn]] void abort(CK_FLAGS flag, CK_RV rv, const char* function) const {
    end(flag);
    fail(rv, function);
  }
  // Keeps memory that the module uses until the session is closed. For the message it keeps a reference to
  // its buffer.
  template <class... Memories>
  void keep(const Arguments& arguments, Memories&&... memories) const {
    struct Kept {
      std::tuple<std::decay_t<Memories>...> memories;
      WriteBackTarget message;
    };
    auto kept = std::make_shared<Kept>(Kept{{std::forward<Memories>(memories)...}, {}});
    kept->message.hold(arguments.value(1).As<Napi::Object>());
    session_->pending.push_back(std::move(kept));
  }
  void end(CK_FLAGS flag) const { endOperations(module(), session_, flag); }

 private:
  Attachment& attachment_;
  std::shared_ptr<void> use_;
  std::shared_ptr<Session> session_;
  bool entered_ = false;
};

template <class Operation>
CK_RV begin(const HeldSession& held, CK_MECHANISM& mechanism, CK_OBJECT_HANDLE key) {
  const Module& module = held.module();
  const CK_SESSION_HANDLE session = held.session()->handle();
  KeyCheck keyCheck;
  const CK_RV rv = checkKey<Operation>(keyCheck, module, *held.session(), mechanism.mechanism, key);
  if (rv != CKR_OK) return rv;
  return beginOperation(held.module(), held.session(), [&] {
    if constexpr (isDigest<Operation>)
      return module.call<Operation::Init::pointer>(session, &mechanism);
    else
      return module.call<Operation::Init::pointer>(session, &mechanism, key);
  });
}

// The mechanism in the form of lib/raw/flat-mechanism.ts: one argument, or an array spread over several
// arguments from `first` on.
class FlatMechanism {
 public:
  FlatMechanism(const Arguments& arguments, std::size_t first, const char* function) {
    const Argument argument{arguments.fastPath().attachment(), function, "mechanism"};
    const auto elements = arguments.from(first);
    if (elements.size() <= 1) {
      plain_.mechanism = toUlong(arguments.value(first), argument);
      return;
    }
    memory_.emplace().readFlat(arguments.env(), elements, argument, false);
    if (memory_->writesBack()) parameter_ = Napi::Value(arguments.env(), elements[2]).As<Napi::Object>();
  }
  CK_MECHANISM& get() { return memory_ ? *memory_->get() : plain_; }
  // After the call: copies the data that the module wrote into the parameter back to its object.
  void writeBack() const {
    if (!parameter_.IsEmpty()) memory_->writeBack(parameter_);
  }

 private:
  CK_MECHANISM plain_{};
  Napi::Object parameter_;
  std::optional<MechanismMemory> memory_;
};

// Memory for a result and its length, from the scratch memory of the thread. The length is not on the stack,
// because a module that returns CKR_PENDING writes it later.
class ResultMemory {
 public:
  explicit ResultMemory(std::size_t size) : bytes_(Bytes::scratch(kHead + size)) {
    *lengthPointer() = static_cast<CK_ULONG>(size);
  }
  ResultMemory(const ResultMemory&) = delete;
  ResultMemory& operator=(const ResultMemory&) = delete;
  ResultMemory(ResultMemory&&) noexcept = default;
  ResultMemory& operator=(ResultMemory&&) noexcept = default;
  ~ResultMemory() { Bytes::keepScratch(std::move(bytes_)); }
  unsigned char* data() { return bytes_.data() + kHead; }
  std::size_t size() const { return bytes_.size() - kHead; }
  CK_ULONG* lengthPointer() { return reinterpret_cast<CK_ULONG*>(bytes_.data()); }
  CK_ULONG length() { return *lengthPointer(); }

 private:
  static constexpr std::size_t kHead = 16;
  Bytes bytes_;
};

// (session, data, key, mechanism...) -> Arguments::result(); digests have no key.
template <class Operation>
napi_value operate(const Arguments& arguments) {
  constexpr std::size_t kHasKey = isDigest<Operation> ? 0 : 1;
  CK_OBJECT_HANDLE key = 0;
  if (kHasKey == 1 && !arguments.handle(2, key)) return nullptr;
  FlatMechanism mechanism(arguments, 2 + kHasKey, Operation::Init::name);
  std::optional<ResultMemory> memory;
  {
    const HeldSession held(arguments, Operation::Init::name);
    if (!held) return nullptr;
    Memory data;
    if (!arguments.view(1, data)) return nullptr;
    const std::size_t growth = std::is_same_v<Operation, operation::Encrypt> ? data.size : 0;
    const ResultRoom room = roomForResult(mechanism.get().mechanism, growth);
    memory.emplace(room.size);
    const CK_RV begun = begin<Operation>(held, mechanism.get(), key);
    if (begun != CKR_OK) held.fail(begun, Operation::Init::name);
    const CK_RV rv = held.module().template call<Operation::SinglePart::pointer>(
        held.session()->handle(), data.data, static_cast<CK_ULONG>(data.size), memory->data(),
        memory->lengthPointer());
    if (rv == CKR_BUFFER_TOO_SMALL) {
      held.end(Operation::flag);
      return nullptr;
    }
    if (rv == CKR_PENDING) {  // although the session is not asynchronous: the module still uses the memory
      held.keep(arguments, std::move(memory), std::move(mechanism));
      held.fail(rv, Operation::SinglePart::name);
    }
    if (rv != CKR_OK) held.abort(Operation::flag, rv, Operation::SinglePart::name);
    const CK_ULONG length = memory->length();
    if (length > room.size || (room.isGuess && length == room.size))
      held.abort(Operation::flag, CKR_GENERAL_ERROR, Operation::SinglePart::name);
  }
  mechanism.writeBack();  // after the session is free again: setters may use it
  return arguments.result(memory->data(), memory->length());
}

// Verifies a MAC; see MacComparison. Returns nullptr if the key cannot sign: the caller then uses C_Verify.
napi_value verifyMac(const Arguments& arguments, const HeldSession& held, FlatMechanism& mechanism,
                     CK_OBJECT_HANDLE key, const Memory& data, const Memory& mac) {
  const auto comparison = std::make_shared<MacComparison>();
  const auto compared = comparison->run(held.module(), held.session(), &mechanism.get(), key, data.data,
                                        data.size, mac.data, mac.size);
  if (!compared) return nullptr;
  if (*compared == CKR_PENDING) {
    held.keep(arguments, comparison, std::move(mechanism));
    held.fail(*compared, fn::C_Sign::name);
  }
  if (*compared == CKR_OK) return arguments.boolean(true);
  if (*compared == CKR_SIGNATURE_INVALID) return arguments.boolean(false);
  held.abort(operation::Sign::flag, *compared, fn::C_Sign::name);
}

// (session, data, signature, key, mechanism...) -> true if the signature is valid
napi_value verify(const Arguments& arguments) {
  CK_OBJECT_HANDLE key = 0;
  if (!arguments.handle(3, key)) return nullptr;
  FlatMechanism mechanism(arguments, 4, fn::C_VerifyInit::name);
  const HeldSession held(arguments, fn::C_VerifyInit::name);
  if (!held) return nullptr;
  Memory data;
  Memory signature;
  if (!arguments.view(1, data) || !arguments.view(2, signature)) return nullptr;
  if (isMac(mechanism.get().mechanism)) return verifyMac(arguments, held, mechanism, key, data, signature);
  const CK_RV begun = begin<operation::Verify>(held, mechanism.get(), key);
  if (begun != CKR_OK) held.fail(begun, fn::C_VerifyInit::name);
  const CK_RV rv = held.module().call<&List::C_Verify>(held.session()->handle(), data.data,
                                                       static_cast<CK_ULONG>(data.size), signature.data,
                                                       static_cast<CK_ULONG>(signature.size));
  if (rv == CKR_PENDING) {
    held.keep(arguments, std::move(mechanism));
    held.fail(rv, fn::C_Verify::name);
  }
  if (rv == CKR_OK) return arguments.boolean(true);
  if (rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE) return arguments.boolean(false);
  held.abort(operation::Verify::flag, rv, fn::C_Verify::name);
}

// (session, length) -> Arguments::result()
napi_value random(const Arguments& arguments) {
  std::uint32_t length = 0;
  if (napi_get_value_uint32(arguments.env(), arguments.value(1), &length) != napi_ok || length == 0 ||
      length > kGuessedRoom)
    return nullptr;
  ResultMemory memory(length);
  const HeldSession held(arguments, fn::C_GenerateRandom::name);
  if (!held) return nullptr;
  CK_RV rv = held.module().call<&List::C_GenerateRandom>(held.session()->handle(), memory.data(),
                                                         static_cast<CK_ULONG>(length));
  if (rv == CKR_OK && role::isUnwritten(memory.data(), length)) rv = CKR_GENERAL_ERROR;
  if (rv != CKR_OK) held.fail(rv, fn::C_GenerateRandom::name);
  return arguments.result(memory.data(), length);
}

// (session) -> true. Slot, state, flags and device error are in Environment::crossing(): the slot as an
// unsigned integer, the others as doubles.
napi_value sessionInfo(const Arguments& arguments) {
  constexpr CK_ULONG kExact = CK_ULONG{1} << 31;  // a double represents all numbers up to here exactly
  const auto& crossing = arguments.fastPath().environment().crossing();
  if (crossing.size < kSessionInfoNumbers * sizeof(double)) return nullptr;
  const HeldSession held(arguments, fn::C_GetSessionInfo::name);
  if (!held) return nullptr;
  CK_SESSION_INFO info{};
  TokenState& token = held.session()->token();
  const std::uint64_t version = token.version();
  const CK_RV rv = held.module().call<&List::C_GetSessionInfo>(held.session()->handle(), &info);
  if (rv != CKR_OK) held.fail(rv, fn::C_GetSessionInfo::name);
  token.adopt(info.state, version);
  if (info.state > kExact || info.flags > kExact || info.ulDeviceError > kExact) return nullptr;
  const std::uint64_t slot = info.slotID;
  const std::array<double, kSessionInfoNumbers - 1> numbers{static_cast<double>(info.state),
                                                            static_cast<double>(info.flags),
                                                            static_cast<double>(info.ulDeviceError)};
  std::memcpy(crossing.data, &slot, sizeof slot);
  std::memcpy(crossing.data + sizeof slot, numbers.data(), sizeof numbers);
  return arguments.boolean(true);
}

// () -> the functions
Napi::Value syncFastPath(RawModule& raw, const Napi::CallbackInfo& info) {
  const auto fastPath = std::make_shared<SyncFastPath>(raw.attachment(), Environment::of(info.Env()));
  auto object = Napi::Object::New(info.Env());
  defineFastFunction<operate<operation::Digest>>(object, "digest", fastPath);
  defineFastFunction<operate<operation::Sign>>(object, "sign", fastPath);
  defineFastFunction<operate<operation::Encrypt>>(object, "encrypt", fastPath);
  defineFastFunction<verify>(object, "verify", fastPath);
  defineFastFunction<random>(object, "random", fastPath);
  defineFastFunction<sessionInfo>(object, "sessionInfo", fastPath);
  defineStateFunctions(object, fastPath);
  return object;
}

}  // namespace

void defineSyncFastPath(std::vector<RawModule::Method>& methods) {
  methods.push_back({"syncFastPath", syncFastPath, RawModule::Form::Immediate});
}

}  // namespace cryptoki
