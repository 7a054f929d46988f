// Converts information structures to objects, and the small values that parameters use too.
#include "marshal/bytes.h"
#include "marshal/field.h"
#include "marshal/number.h"
#include "marshal/structure.h"

namespace cryptoki {

CK_BYTE toByte(Napi::Value value, const Argument& argument) {
  const CK_ULONG number = toUlong(value, argument);
  if (number > 255) argument.outOfRange("an integer from 0 to 255");
  return static_cast<CK_BYTE>(number);
}

CK_VERSION toVersion(Napi::Value value, const Argument& argument) {
  if (!value.IsObject()) argument.mustBe("an object { major, minor }", value);
  const auto object = value.As<Napi::Object>();
  return {toByte(object.Get("major"), argument.part(".major")),
          toByte(object.Get("minor"), argument.part(".minor"))};
}

Napi::Value fromVersion(Napi::Env env, CK_VERSION version) {
  auto object = Napi::Object::New(env);
  object.Set("major", Napi::Number::New(env, version.major));
  object.Set("minor", Napi::Number::New(env, version.minor));
  return object;
}

Napi::Value fromStructure(Napi::Env env, const Structure& description, const void* memory) {
  auto object = Napi::Object::New(env);
  for (const Field& field : description) {
    const auto* text = static_cast<const unsigned char*>(memory) + field.offset;
    switch (field.kind) {
      case FieldKind::Ulong:
        object.Set(field.name(), fromAvailable(env, getField<CK_ULONG>(memory, field.offset)));
        break;
      case FieldKind::Handle:
        object.Set(field.name(), fromHandle(env, getField<CK_ULONG>(memory, field.offset)));
        break;
      case FieldKind::Version:
        object.Set(field.name(), fromVersion(env, getField<CK_VERSION>(memory, field.offset)));
        break;
      case FieldKind::Text:
        object.Set(field.name(), fromPadded(env, text, field.size));
        break;
      default:
        break;  // information structures have no other kinds
    }
  }
  return object;
}

}  // namespace cryptoki
