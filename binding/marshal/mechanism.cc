#include "marshal/mechanism.h"

#include <cstring>
#include <string>

#include "marshal/bytes.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

const Structure& chooseStructure(const Napi::Object& parameter, CK_MECHANISM_TYPE type,
                                 const Argument& argument) {
  const Napi::Value named = parameter.Get("structure");
  if (!named.IsUndefined()) {
    if (!named.IsString()) argument.part(".structure").mustBe("the name of a parameter structure", named);
    const std::string name = named.ToString();
    if (const Structure* structure = structureNamed(name)) return *structure;
    throw BadArgument{
        false,
        std::string(argument.function) + ": \"" + argument.name +
            ".structure\" names no parameter structure that is supported; give the parameter as bytes"};
  }
  if (const Structure* structure = parameterOf(type)) return *structure;
  throw BadArgument{
      false, std::string(argument.function) + ": \"" + argument.name + "\" is an object, but mechanism " +
                 std::to_string(type) +
                 " has no parameter structure; name one with \"structure\", or give bytes or a number"};
}

}  // namespace

void MechanismMemory::read(Napi::Value value, const Argument& argument) {
  if (!value.IsObject() || value.IsArray()) argument.mustBe("an object { mechanism, parameter }", value);
  const auto object = value.As<Napi::Object>();
  type_ = toUlong(object.Get("mechanism"), argument.part(".mechanism"));
  const Napi::Value parameter = object.Get("parameter");
  if (parameter.IsUndefined() || parameter.IsNull()) return;
  absent_ = false;
  const Argument where = argument.part(".parameter");
  if (parameter.IsNumber() || parameter.IsBigInt()) {
    const CK_ULONG number = toUlong(parameter, where);
    parameter_.structure.resize(sizeof number);
    std::memcpy(parameter_.structure.data(), &number, sizeof number);
  } else if (isBytes(parameter)) {
    parameter_.structure = toBytes(parameter, where);
  } else if (parameter.IsObject() && !parameter.IsArray()) {
    parameter_ = toStructure(parameter, chooseStructure(parameter.As<Napi::Object>(), type_, where), where);
  } else {
    where.mustBe("bytes, a number or an object", parameter);
  }
}

CK_MECHANISM* MechanismMemory::get() {
  mechanism_.mechanism = type_;
  mechanism_.pParameter = absent_ ? nullptr : parameter_.structure.pointer();
  mechanism_.ulParameterLen = static_cast<CK_ULONG>(parameter_.structure.size());
  return &mechanism_;
}

}  // namespace cryptoki
