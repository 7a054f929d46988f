#include "marshal/mechanism.h"

#include <array>
#include <string>
#include <utility>

#include "environment.h"
#include "marshal/bytes.h"
#include "marshal/collect.h"
#include "marshal/number.h"
#include "module/attachment.h"
#include "runtime/channel.h"

namespace cryptoki {
namespace {

constexpr std::size_t kMostElements = 32;  // more than any structure has fields

const Structure* usualStructure(CK_MECHANISM_TYPE type, const Module& module) {
  if (type == CKM_PKCS5_PBKD2 && module.quirks().firstPbkd2Parameters)
    return structureNamed("CK_PKCS5_PBKD2_PARAMS");
  return parameterOf(type);
}

const Structure& chooseStructure(const Napi::Object& parameter, const Structure* usual,
                                 const Argument& argument) {
  const Napi::Value named = parameter.Get("structure");
  if (named.IsUndefined()) {
    if (usual != nullptr) return *usual;
    throw BadArgument{false, std::string(argument.function) + ": \"" + argument.name() +
                                 "\" is an object without a known structure; name one with \"structure\" "
                                 "(CK_..._PARAMS), or give bytes or a number"};
  }
  if (!named.IsString()) argument.part(".structure").mustBe("the name of a parameter structure", named);
  const std::string name = named.ToString();
  if (const Structure* structure = structureNamed(name)) return *structure;
  throw BadArgument{false,
                    std::string(argument.function) + ": \"" + argument.name() +
                        ".structure\" is not a parameter structure of PKCS#11; give the parameter as bytes"};
}

}  // namespace

WriteBackTarget::WriteBackTarget(WriteBackTarget&& other) noexcept
    : env_(other.env_),
      reference_(std::exchange(other.reference_, nullptr)),
      channel_(std::move(other.channel_)) {}

WriteBackTarget& WriteBackTarget::operator=(WriteBackTarget&& other) noexcept {
  std::swap(env_, other.env_);
  std::swap(reference_, other.reference_);
  std::swap(channel_, other.channel_);
  return *this;
}

WriteBackTarget::~WriteBackTarget() {
  if (reference_ != nullptr) channel_->letGo(reference_);
}

void WriteBackTarget::hold(Napi::Object object) {
  const Napi::Env env = object.Env();
  WriteBackTarget fresh;
  fresh.env_ = env;
  fresh.channel_ = Environment::of(env).channel();
  if (napi_create_reference(env, object, 1, &fresh.reference_) != napi_ok) throw Napi::Error::New(env);
  *this = std::move(fresh);
}

Napi::Object WriteBackTarget::get() const {
  napi_value object = nullptr;
  if (reference_ != nullptr) napi_get_reference_value(env_, reference_, &object);
  return object == nullptr ? Napi::Object() : Napi::Object(env_, object);
}

Napi::Object WriteBackTarget::take() {
  const Napi::Object object = get();
  if (reference_ != nullptr) napi_delete_reference(env_, std::exchange(reference_, nullptr));
  return object;
}

void OperationParameter::capture() {
  if (!memory_.writesBack()) return;
  std::lock_guard lock(mutex_);
  memory_.capture();
}

void OperationParameter::writeBack() {
  if (!memory_.writesBack()) return;
  const Napi::Object object = memory_.target();
  std::lock_guard lock(mutex_);
  if (!object.IsEmpty()) memory_.writeBack(object);
}

void MechanismMemory::settle(bool written) {
  const Napi::Object object = target_.take();
  if (written && !object.IsEmpty()) writeBack(object);
}

void MechanismMemory::read(Napi::Value value, const Argument& argument) {
  if (!value.IsObject() || value.IsArray()) argument.mustBe("an object { mechanism, parameter }", value);
  const auto object = value.As<Napi::Object>();
  type_ = toUlong(object.Get("mechanism"), argument.part(".mechanism"));
  hasType_ = true;
  readParameter(object.Get("parameter"), argument.part(".parameter"));
}

void MechanismMemory::readFlat(Napi::Value value, const Argument& argument, bool hold) {
  if (value.IsNumber()) {
    type_ = toUlong(value, argument);
    hasType_ = true;
    return;
  }
  if (!value.IsArray()) return read(value, argument);
  const auto array = value.As<Napi::Array>();
  std::array<napi_value, kMostElements> elements{};
  const std::uint32_t count = array.Length();  // fixed from here on: getters may change the array
  if (count > elements.size()) argument.mustBe("an object { mechanism, parameter }", value);
  for (std::uint32_t i = 0; i < count; ++i) elements.at(i) = array.Get(i);
  readFlat(value.Env(), {elements.data(), count}, argument, hold);
}

void MechanismMemory::readFlat(Napi::Env env, std::span<const napi_value> elements, const Argument& argument,
                               bool hold) {
  constexpr std::size_t kPlain = 2;
  constexpr std::size_t kHead = 3;
  const auto element = [&](std::size_t i) { return Napi::Value(env, elements[i]); };
  if (elements.size() == kPlain) {
    type_ = toUlong(element(0), argument.part(".mechanism"));
    hasType_ = true;
    return readParameter(element(1), argument.part(".parameter"));
  }
  const bool hasHead = elements.size() >= kHead && element(1).IsNumber() && element(2).IsObject();
  const std::size_t number = hasHead ? element(1).As<Napi::Number>().Uint32Value() : structures().size();
  if (number >= structures().size() || elements.size() != kHead + structures()[number].count)
    argument.mustBe("an object { mechanism, parameter }", Napi::Array::New(env));
  type_ = toUlong(element(0), argument.part(".mechanism"));
  hasType_ = true;
  absent_ = false;
  isPlain_ = false;
  parameter_.readFields(env, elements.subspan(kHead), structures()[number], argument.part(".parameter"));
  if (hold && parameter_.writesBack()) target_.hold(element(2).As<Napi::Object>());
}

void MechanismMemory::readParameter(Napi::Value value, const Argument& argument) {
  if (value.IsUndefined() || value.IsNull()) return;
  absent_ = false;
  isPlain_ = true;
  if (value.IsNumber() || value.IsBigInt()) {
    const CK_ULONG number = toUlong(value, argument);
    plain_ = Bytes(&number, sizeof number);
  } else if (isBytes(value)) {
    plain_ = toBytes(value, argument);
  } else if (value.IsObject() && !value.IsArray()) {
    isPlain_ = false;
    const auto object = value.As<Napi::Object>();
    const Structure* usual = hasType_ ? usualStructure(type_, argument.attachment.module()) : nullptr;
    parameter_.read(value, chooseStructure(object, usual, argument), argument);
    if (parameter_.writesBack()) target_.hold(object);
  } else {
    argument.mustBe("bytes, a number or an object", value);
  }
}

void MechanismMemory::set(CK_MECHANISM_TYPE type, Bytes parameter) {
  type_ = type;
  hasType_ = true;
  isPlain_ = true;
  absent_ = parameter.empty();
  plain_ = std::move(parameter);
}

CK_MECHANISM* MechanismMemory::get() {
  Bytes& memory = isPlain_ ? plain_ : parameter_.bytes();
  mechanism_.mechanism = type_;
  mechanism_.pParameter = absent_ ? nullptr : memory.pointer();
  mechanism_.ulParameterLen = absent_ ? 0 : static_cast<CK_ULONG>(memory.size());
  return &mechanism_;
}

}  // namespace cryptoki
