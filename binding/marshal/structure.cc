#include "marshal/structure.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "marshal/bytes.h"
#include "marshal/number.h"

namespace cryptoki {
namespace {

// Fields are written and read by memcpy: structures are packed on Windows.
template <class T>
void put(Bytes& structure, std::size_t offset, const T& value) {
  std::memcpy(structure.data() + offset, &value, sizeof value);
}

template <class T>
T get(const void* memory, std::size_t offset) {
  T value{};
  std::memcpy(&value, static_cast<const unsigned char*>(memory) + offset, sizeof value);
  return value;
}

void refuseUnknownFields(const Napi::Object& object, const Structure& description, const Argument& argument) {
  const Napi::Array names = object.GetPropertyNames();
  for (std::uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).ToString();
    const bool known =
        name == "structure" || std::any_of(description.begin(), description.end(),
                                           [&](const Field& field) { return name == field.name; });
    if (!known) {
      throw BadArgument{false, std::string(argument.function) + ": \"" + argument.name +
                                   "\" has no field \"" + name + "\" (" + description.name + ")"};
    }
  }
}

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

void putField(StructureMemory& memory, const Field& field, Napi::Value value, const Argument& argument) {
  Bytes& to = memory.structure;
  switch (field.kind) {
    case FieldKind::Ulong:
      return put(to, field.offset, toUlong(value, argument));
    case FieldKind::Handle:
      return put(to, field.offset, toUlong(value, argument));
    case FieldKind::Boolean:
      return put(to, field.offset, toBoolean(value, argument));
    case FieldKind::Byte:
      return put(to, field.offset, toByte(value, argument));
    case FieldKind::Version:
      return put(to, field.offset, toVersion(value, argument));
    case FieldKind::BitsOf:
      if (value.IsUndefined()) return put(to, field.offset, get<CK_ULONG>(to.data(), field.lengthOffset) * 8);
      return put(to, field.offset, toUlong(value, argument));
    case FieldKind::Text:
    case FieldKind::Fixed: {
      const Bytes bytes = toBytes(value, argument);
      if (bytes.size() != field.size) argument.outOfRange("exactly " + std::to_string(field.size) + " bytes");
      std::memcpy(to.data() + field.offset, bytes.data(), bytes.size());
      return;
    }
    case FieldKind::Bytes:
    case FieldKind::ByteBits: {
      if (value.IsUndefined() || value.IsNull()) return;  // null pointer, length 0
      memory.parts.push_back(toBytes(value, argument));
      Bytes& bytes = memory.parts.back();
      put(to, field.offset, bytes.pointer());
      const auto length = static_cast<CK_ULONG>(bytes.size());
      return put(to, field.lengthOffset, field.kind == FieldKind::ByteBits ? length * 8 : length);
    }
  }
}

}  // namespace

StructureMemory toStructure(Napi::Value value, const Structure& description, const Argument& argument) {
  if (!value.IsObject() || value.IsArray())
    argument.mustBe(std::string("an object (") + description.name + ")", value);
  const auto object = value.As<Napi::Object>();
  refuseUnknownFields(object, description, argument);
  StructureMemory memory;
  memory.structure = Bytes::zeros(description.size);
  memory.parts.reserve(description.count);
  for (const bool lengths : {false, true}) {  // lengths in bits last: they follow from the bytes
    for (const Field& field : description) {
      if ((field.kind == FieldKind::BitsOf) != lengths) continue;
      putField(memory, field, object.Get(field.name), argument.part(std::string(".") + field.name));
    }
  }
  return memory;
}

Napi::Value fromStructure(Napi::Env env, const Structure& description, const void* memory) {
  auto object = Napi::Object::New(env);
  for (const Field& field : description) {
    Napi::Value value;
    switch (field.kind) {
      case FieldKind::Ulong:
        value = fromAvailable(env, get<CK_ULONG>(memory, field.offset));
        break;
      case FieldKind::Handle:
        value = fromHandle(env, get<CK_ULONG>(memory, field.offset));
        break;
      case FieldKind::Boolean:
        value = Napi::Boolean::New(env, get<CK_BBOOL>(memory, field.offset) != CK_FALSE);
        break;
      case FieldKind::Byte:
        value = Napi::Number::New(env, get<CK_BYTE>(memory, field.offset));
        break;
      case FieldKind::Version: {
        const auto version = get<CK_VERSION>(memory, field.offset);
        auto made = Napi::Object::New(env);
        made.Set("major", Napi::Number::New(env, version.major));
        made.Set("minor", Napi::Number::New(env, version.minor));
        value = made;
        break;
      }
      case FieldKind::Text:
        value = fromPadded(env, static_cast<const unsigned char*>(memory) + field.offset, field.size);
        break;
      case FieldKind::Fixed:
        value = fromBytes(env, static_cast<const unsigned char*>(memory) + field.offset, field.size);
        break;
      case FieldKind::Bytes:
      case FieldKind::ByteBits:
      case FieldKind::BitsOf:
        continue;  // not in information structures
    }
    object.Set(field.name, value);
  }
  return object;
}

}  // namespace cryptoki
