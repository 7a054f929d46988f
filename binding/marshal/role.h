// The roles a parameter of a PKCS#11 function can have. Each knows how to come from JavaScript (read), which
// C arguments it is (c), whether it wants the call made again (again), and what JavaScript gets of it
// (value). spec/functions.json says which roles a function has.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>

#include "marshal/argument.h"
#include "marshal/attribute_reader.h"
#include "marshal/bytes.h"
#include "marshal/mechanism.h"
#include "marshal/number.h"
#include "marshal/template.h"
#include "module/session.h"
#include "runtime/secret.h"

namespace cryptoki::role {

// What most roles have in common: one of the JavaScript arguments, no result, no second call.
struct Input {
  static constexpr bool isInput = true;
  static constexpr bool isOutput = false;
  bool again(CK_RV& /*rv*/) { return false; }
  void settle(bool /*succeeded*/) {}
};
struct Output {
  static constexpr bool isInput = false;
  static constexpr bool isOutput = true;
  bool again(CK_RV& /*rv*/) { return false; }
  void settle(bool /*succeeded*/) {}
};

struct Session : Input {
  std::shared_ptr<cryptoki::Session> session;
  // Of the operation on the session that the call belongs to, where the module may write into it.
  std::shared_ptr<OperationParameter> parameter;
  void read(Napi::Value value, const Argument& argument);
  auto c() { return std::make_tuple(session->handle()); }
  void settle(bool succeeded) {
    if (succeeded && parameter) parameter->writeBack();
  }
};

struct Ulong : Input {
  CK_ULONG number = 0;
  void read(Napi::Value value, const Argument& argument) { number = toUlong(value, argument); }
  auto c() { return std::make_tuple(number); }
};

// Object handles are bigint, like all handles: a number may be one that was rounded.
struct Object : Ulong {
  void read(Napi::Value value, const Argument& argument) {
    if (!value.IsBigInt()) argument.mustBe("an object handle (bigint)", value);
    number = toUlong(value, argument);
  }
};

struct Boolean : Input {
  CK_BBOOL flag = CK_FALSE;
  void read(Napi::Value value, const Argument& argument) { flag = toBoolean(value, argument); }
  auto c() { return std::make_tuple(flag); }
};

struct Bytes : Input {
  cryptoki::Bytes bytes;
  void read(Napi::Value value, const Argument& argument) { bytes = toBytes(value, argument); }
  auto c() { return std::make_tuple(bytes.pointer(), static_cast<CK_ULONG>(bytes.size())); }
};

// A part of a message: what comes in several pieces is put together on its way.
struct Part : Bytes {
  void read(Napi::Value value, const Argument& argument) { bytes = toJoinedBytes(value, argument); }
};

// What the module is to work on: it goes when the call has ended, and results are often as long.
template <class Role>
constexpr bool isMessage = std::is_same_v<Role, Bytes> || std::is_same_v<Role, Part>;

struct Text : Bytes {
  void read(Napi::Value value, const Argument& argument) { bytes = withNul(toSecretText(value, argument)); }
};

// null is a null pointer: the token asks for the PIN on its own pad. A NUL follows the PIN, since some
// modules read it as a string of C.
struct Pin : Bytes {
  bool absent = false;
  void read(Napi::Value value, const Argument& argument) {
    absent = value.IsNull();
    if (!absent) bytes = withNul(toSecretText(value, argument));
  }
  auto c() {
    return std::make_tuple(absent ? static_cast<CK_UTF8CHAR*>(nullptr) : bytes.pointer(),
                           static_cast<CK_ULONG>(bytes.size()));
  }
};

// 32 characters, padded with blanks.
struct Label : Input {
  std::array<CK_UTF8CHAR, 32> text{};
  void read(Napi::Value value, const Argument& argument);
  auto c() { return std::make_tuple(text.data()); }
};

// What Mechanism and Parameter have in common: memory that may have to outlive the call.
struct OperationInput : Input {
  MechanismMemory mechanism;
  std::shared_ptr<OperationParameter> kept;
  MechanismMemory& memory() { return kept ? kept->memory() : mechanism; }
  // Before the call: the memory is to live as long as the operation that the call begins.
  const std::shared_ptr<OperationParameter>& keep() {
    if (!kept) kept = std::make_shared<OperationParameter>(std::move(mechanism));
    return kept;
  }
  void settle(bool succeeded) {
    if (!kept)
      mechanism.settle(succeeded);
    else if (succeeded)
      kept->writeBack();
  }
};

struct Mechanism : OperationInput {
  bool isBrief = false;  // see MechanismMemory::readBrief
  void read(Napi::Value value, const Argument& argument) {
    if (isBrief)
      mechanism.readBrief(value, argument);
    else
      mechanism.read(value, argument);
  }
  auto c() { return std::make_tuple(memory().get()); }
};

// The parameter of one message: bytes, an object that names its structure (CK_GCM_MESSAGE_PARAMS ...), or
// null.
struct Parameter : OperationInput {
  void read(Napi::Value value, const Argument& argument) {
    const bool isObject = value.IsObject() && !value.IsArray() && !value.IsFunction();
    if (!value.IsNull() && !isObject)
      argument.mustBe("bytes, an object that names its structure, or null", value);
    mechanism.readParameter(value, argument);
  }
  auto c() {
    const CK_MECHANISM* made = memory().get();
    return std::make_tuple(made->pParameter, made->ulParameterLen);
  }
};

// The name of a PKCS#11 function, with a NUL at its end.
struct FunctionName : Input {
  std::string name;
  void read(Napi::Value value, const Argument& argument);
  auto c() { return std::make_tuple(reinterpret_cast<CK_UTF8CHAR*>(name.data())); }
};

struct Template : Input {
  TemplateMemory attributes;
  void read(Napi::Value value, const Argument& argument) { attributes.read(value, argument); }
  auto c() { return std::make_tuple(attributes.data(), attributes.size()); }
};

// An argument that is always a null pointer.
struct Null : Input {
  static constexpr bool isInput = false;
  auto c() { return std::make_tuple(nullptr); }
};

// Room for the result of nearly everything that does not grow with its input: ML-DSA-87 signatures are 4,627
// bytes. No result is longer than its input by exactly this prime number.
inline constexpr std::size_t kGuessedRoom = 5119;

// Bytes whose number only the module knows. The first call has room for what nearly every result needs, so
// that no size has to be asked; CKR_BUFFER_TOO_SMALL is answered with the size the module wants.
//
// The memory holds zeros before each call. The size of a room that was not asked for is one that no result
// has: a module that leaves the length as it was has not said how long its result is.
struct OutBytes : Output {
  cryptoki::Bytes buffer;
  CK_ULONG length = 0;
  int attempts = 0;
  // `more`: bytes that go in, since what encrypts gives at least as many back.
  void prepare(std::size_t more) { more_ = more; }
  // Room of exactly this many bytes, for a result that is known to be as long.
  void prepareExactly(std::size_t size);
  auto c() {
    makeRoom();
    length = static_cast<CK_ULONG>(buffer.size());
    return std::make_tuple(buffer.pointer(), &length);
  }
  bool again(CK_RV& rv);
  // After the last call, on the thread that made it: keeps the result only.
  void trim();
  Napi::Value value(Napi::Env env) const { return fromBytes(env, buffer.data(), length); }

 private:
  void makeRoom();
  std::size_t more_ = 0;
  bool isGuess_ = false;  // the module was not asked for the size of the buffer
};

// Bytes that are few however long the message is: a digest, a signature.
struct OutShort : OutBytes {
  void prepare(std::size_t /*more*/) {}
  Napi::Value value(Napi::Env env) const;
};

// A list of numbers: asked for its length, then fetched. Modules announce more than they give, or fewer, or
// answer CKR_BUFFER_TOO_SMALL to the question for the length, with it or without; after a few rounds that is
// an error.
struct OutNumbers : Output {
  std::vector<CK_ULONG> numbers;
  CK_ULONG count = 0;
  bool asked = false;
  auto c() {
    count = static_cast<CK_ULONG>(numbers.size());
    return std::make_tuple(asked ? numbers.data() : nullptr, &count);
  }
  bool again(CK_RV& rv);

 private:
  bool makeRoom(CK_RV& rv, std::size_t wanted);
  int rounds_ = 0;
};
template <bool areHandles>
struct OutList : OutNumbers {
  Napi::Value value(Napi::Env env) const {
    auto list = Napi::Array::New(env, numbers.size());
    for (std::uint32_t i = 0; i < numbers.size(); ++i) {
      list.Set(i, areHandles ? fromHandle(env, numbers[i]) : fromUlong(env, numbers[i]));
    }
    return list;
  }
};

struct OutHandle : Output {
  CK_ULONG handle = 0;
  auto c() { return std::make_tuple(&handle); }
  Napi::Value value(Napi::Env env) const { return fromHandle(env, handle); }
};

struct OutUlong : Output {
  CK_ULONG number = CK_UNAVAILABLE_INFORMATION;
  auto c() { return std::make_tuple(&number); }
  Napi::Value value(Napi::Env env) const { return fromAvailable(env, number); }
};

template <class T>
struct OutStructure : Output {
  T structure{};
  auto c() { return std::make_tuple(&structure); }
  Napi::Value value(Napi::Env env) const { return fromStructure(env, structureOf<T>(), &structure); }
};

// What C_AsyncComplete says of an operation: { value?, object, additionalObject }.
struct OutAsyncData : Output {
  CK_ASYNC_DATA data{};
  auto c() { return std::make_tuple(&data); }
  bool again(CK_RV& rv) const;
  Napi::Value value(Napi::Env env) const;
};

// C_FindObjects: the argument is how many at most.
struct OutObjects : Output {
  static constexpr bool isInput = true;
  std::vector<CK_OBJECT_HANDLE> handles;
  CK_ULONG count = 0;
  void read(Napi::Value value, const Argument& argument);
  auto c() { return std::make_tuple(handles.data(), static_cast<CK_ULONG>(handles.size()), &count); }
  Napi::Value value(Napi::Env env) const;
};

// C_GenerateRandom: the argument is how many bytes.
struct OutRandom : Output {
  static constexpr bool isInput = true;
  cryptoki::Bytes bytes;
  void read(Napi::Value value, const Argument& argument);
  auto c() { return std::make_tuple(bytes.pointer(), static_cast<CK_ULONG>(bytes.size())); }
  bool again(CK_RV& rv);
  Napi::Value value(Napi::Env env) const { return fromBytes(env, bytes.data(), bytes.size()); }
};

// Whether memory that a module should have filled with random bytes is as it was before: zeros. Of 16 random
// bytes or more that never happens.
bool isUnwritten(const unsigned char* data, std::size_t size);

// C_GetAttributeValue has a job of its own (calls/object.cc), which makes several calls.
struct OutAttributes : Output {
  static constexpr bool isInput = true;
  AttributeReader reader;
  void read(Napi::Value value, const Argument& argument) { reader.read(value, argument); }
  auto c() { return std::make_tuple(static_cast<CK_ATTRIBUTE*>(nullptr), CK_ULONG{0}); }
  Napi::Value value(Napi::Env env) const { return reader.value(env); }
};

}  // namespace cryptoki::role
