// The roles that a parameter of a PKCS#11 function can have. Each defines how it is read from JavaScript
// (read), its C arguments (c), whether the call must be repeated (again), and its JavaScript result (value).
// spec/functions.json lists the roles of each function.
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
#include "module/quirks.h"
#include "module/session.h"
#include "runtime/secret.h"

namespace cryptoki::role {

// Defaults for most roles: one JavaScript argument, no result, no second call.
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
  // The parameter of the session's operation, if the module may write into it.
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

// Object handles are bigint, like all handles: a number may have been rounded.
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

// A part of a message: several byte strings are joined while they are copied.
struct Part : Bytes {
  void read(Napi::Value value, const Argument& argument) { bytes = toJoinedBytes(value, argument); }
};

// A message: the input data of an operation. It is wiped when the call has ended, and its size is the
// estimate for the size of results.
template <class Role>
constexpr bool isMessage = std::is_same_v<Role, Bytes> || std::is_same_v<Role, Part>;

struct Text : Bytes {
  void read(Napi::Value value, const Argument& argument) { bytes = withNul(toSecretText(value, argument)); }
};

// null becomes a null pointer: the user enters the PIN at the token. A NUL follows the PIN, because some
// modules read it as a C string.
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

// The base of Mechanism and Parameter: memory that may have to outlive the call.
struct OperationInput : Input {
  MechanismMemory mechanism;
  std::shared_ptr<OperationParameter> kept;
  MechanismMemory& memory() { return kept ? kept->memory() : mechanism; }
  // Before the call: keeps the memory for the operation that the call begins.
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
  bool isFlat = false;  // see MechanismMemory::readFlat
  void read(Napi::Value value, const Argument& argument) {
    if (isFlat)
      mechanism.readFlat(value, argument);
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
    const CK_MECHANISM* filled = memory().get();
    return std::make_tuple(filled->pParameter, filled->ulParameterLen);
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

// Bytes whose number only the module can determine. The first call passes a buffer that is large enough for
// nearly every result, so that it rarely has to ask for the size. After CKR_BUFFER_TOO_SMALL the call is
// repeated with the size that the module reported.
//
// The buffer holds zeros before each call. A guessed buffer has a size that no result has: if the length is
// unchanged, the module did not set it.
struct OutBytes : Output {
  cryptoki::Bytes buffer;
  CK_ULONG length = 0;
  int attempts = 0;
  // `more`: the number of input bytes, because an encrypted result is at least as long.
  void prepare(std::size_t more) { more_ = more; }
  // Prepares the buffer for a mechanism that needs another size than most (see module/quirks.h).
  void prepareFor(CK_MECHANISM_TYPE mechanism);
  auto c() {
    makeRoom();
    length = static_cast<CK_ULONG>(buffer.size());
    return std::make_tuple(buffer.pointer(), &length);
  }
  bool again(CK_RV& rv);
  // After the last call, on the thread that made it: keeps only the result.
  void trim();
  Napi::Value value(Napi::Env env) const { return fromBytes(env, buffer.data(), length); }

 private:
  void makeRoom();
  std::size_t more_ = 0;
  bool isGuess_ = false;  // the module was not asked for the size of the buffer
};

// Bytes whose number does not depend on the length of the message: a digest, a signature.
struct OutShort : OutBytes {
  void prepare(std::size_t /*more*/) {}
  Napi::Value value(Napi::Env env) const;
};

// A list of numbers: the first call asks for its length, the second fetches it. Modules report more or fewer
// than they return, or return CKR_BUFFER_TOO_SMALL when asked for the length, with or without a length. After
// a few rounds that is an error.
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

// The result of C_AsyncComplete: { value?, object, additionalObject }.
struct OutAsyncData : Output {
  CK_ASYNC_DATA data{};
  auto c() { return std::make_tuple(&data); }
  bool again(CK_RV& rv) const;
  Napi::Value value(Napi::Env env) const;
};

// C_FindObjects: the argument is the maximal number of objects.
struct OutObjects : Output {
  static constexpr bool isInput = true;
  std::vector<CK_OBJECT_HANDLE> handles;
  CK_ULONG count = 0;
  void read(Napi::Value value, const Argument& argument);
  auto c() { return std::make_tuple(handles.data(), static_cast<CK_ULONG>(handles.size()), &count); }
  Napi::Value value(Napi::Env env) const;
};

// C_GenerateRandom: the argument is the number of bytes.
struct OutRandom : Output {
  static constexpr bool isInput = true;
  cryptoki::Bytes bytes;
  void read(Napi::Value value, const Argument& argument);
  auto c() { return std::make_tuple(bytes.pointer(), static_cast<CK_ULONG>(bytes.size())); }
  bool again(CK_RV& rv);
  Napi::Value value(Napi::Env env) const { return fromBytes(env, bytes.data(), bytes.size()); }
};

// Returns true if memory that a module should have filled with random bytes still holds zeros. Always false
// for fewer than 16 bytes, which can be zero by chance.
bool isUnwritten(const unsigned char* data, std::size_t size);

// C_GetAttributeValue has its own job (calls/object.cc), which makes several calls.
struct OutAttributes : Output {
  static constexpr bool isInput = true;
  AttributeReader reader;
  void read(Napi::Value value, const Argument& argument) { reader.read(value, argument); }
  auto c() { return std::make_tuple(static_cast<CK_ATTRIBUTE*>(nullptr), CK_ULONG{0}); }
  Napi::Value value(Napi::Env env) const { return reader.value(env); }
};

}  // namespace cryptoki::role
