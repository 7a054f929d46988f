#include "marshal/structure.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "marshal/bytes.h"
#include "marshal/collect.h"
#include "marshal/field.h"
#include "marshal/mechanism.h"
#include "marshal/number.h"
#include "marshal/template.h"
#include "marshal/unknown_name.h"

namespace cryptoki {

// Memory that a field points to.
struct StructureMemory::Part {
  const Field* field = nullptr;
  Bytes bytes;
  Bytes original;       // of a field that the module may write: the input
  Bytes captured;       // the content at the last capture()
  CK_ULONG length = 0;  // BytesPointer
  std::vector<StructureMemory> structures;
  TemplateMemory attributes;
  std::unique_ptr<MechanismMemory> mechanism;

  const Bytes& written() const { return captured.empty() ? bytes : captured; }
};

StructureMemory::StructureMemory() = default;
StructureMemory::StructureMemory(StructureMemory&&) noexcept = default;
StructureMemory& StructureMemory::operator=(StructureMemory&&) noexcept = default;
StructureMemory::~StructureMemory() = default;

namespace {
// No cipher of TLS has a longer IV. The number decides how much memory the module may write to, so it is
// limited.
constexpr CK_ULONG kMostIvBits = 8192;

void refuseUnknownFields(const Napi::Object& object, const Structure& description, const Argument& argument) {
  std::vector<std::string_view> known;
  for (const Field& field : description) known.emplace_back(field.name());
  known.emplace_back("structure");
  refuseUnknownNames(
      object, known,
      std::string(argument.function) + ": \"" + argument.name() + "\" (" + description.name + ") has");
}

bool isAbsent(Napi::Value value) { return value.IsUndefined() || value.IsNull(); }

}  // namespace

void StructureMemory::read(Napi::Value value, const Structure& description, const Argument& argument,
                           const StructureMemory* parent) {
  if (!value.IsObject() || value.IsArray()) {
    argument.mustBe(std::string("an object (") + description.name + ")", value);
  }
  const auto object = value.As<Napi::Object>();
  // First: of a field that is misspelt and must be there, this says more than that it is missing.
  refuseUnknownFields(object, description, argument);
  readAll(description, argument, parent, [&](const Field& field) { return object.Get(field.name()); });
}

void StructureMemory::readFields(Napi::Env env, std::span<const napi_value> values,
                                 const Structure& description, const Argument& argument) {
  readAll(description, argument, nullptr, [&](const Field& field) {
    return Napi::Value(env, values[static_cast<std::size_t>(&field - description.begin())]);
  });
}

template <class Get>
void StructureMemory::readAll(const Structure& description, const Argument& argument,
                              const StructureMemory* parent, Get&& get) {
  description_ = &description;
  structure_ = Bytes::zeros(description.size);
  for (const bool lengths : {false, true}) {  // lengths in bits last: they depend on the bytes
    for (const Field& field : description) {
      if ((field.kind == FieldKind::BitsOf) != lengths) continue;
      readField(field, get(field), argument.part(field.member), parent);
    }
  }
}

void StructureMemory::readField(const Field& field, Napi::Value value, const Argument& argument,
                                const StructureMemory* parent) {
  switch (field.kind) {
    case FieldKind::Ulong:
      return putField(structure_, field.offset, toUlong(value, argument));
    case FieldKind::Handle:
      if (field.out && isAbsent(value)) return;
      return putField(structure_, field.offset, toUlong(value, argument));
    case FieldKind::Boolean:
      return putField(structure_, field.offset, toBoolean(value, argument));
    case FieldKind::Byte:
      return putField(structure_, field.offset, toByte(value, argument));
    case FieldKind::Version:
      return putField(structure_, field.offset, toVersion(value, argument));
    case FieldKind::BitsOf:
      if (isAbsent(value)) {
        return putField(structure_, field.offset,
                        getField<CK_ULONG>(structure_.data(), field.lengthOffset) * 8);
      }
      return putField(structure_, field.offset, toUlong(value, argument));
    case FieldKind::Text:
    case FieldKind::Fixed: {
      const Bytes bytes = toBytes(value, argument);
      if (bytes.size() != field.size) argument.outOfRange("exactly " + std::to_string(field.size) + " bytes");
      std::memcpy(structure_.data() + field.offset, bytes.data(), bytes.size());
      return;
    }
    case FieldKind::Nested:
    case FieldKind::Pointer:
    case FieldKind::Array:
      return readStructures(field, value, argument);
    default:
      return readPointed(field, value, argument, parent);
  }
}

// Keeps the bytes and sets the field to point to them.
StructureMemory::Part& StructureMemory::keep(const Field& field, Bytes bytes) {
  Part& part = parts_.emplace_back();
  part.field = &field;
  part.bytes = std::move(bytes);
  if (field.out) part.original = part.bytes;
  putField(structure_, field.offset, part.bytes.pointer());
  return part;
}

void StructureMemory::readPointed(const Field& field, Napi::Value value, const Argument& argument,
                                  const StructureMemory* parent) {
  // A missing field becomes a null pointer, with length 0 if there is a length. Fields that the module writes
  // need memory all the same.
  const bool isForModule = field.kind == FieldKind::HandlePointer ||
                           field.kind == FieldKind::VersionPointer || field.kind == FieldKind::ParentBits;
  if (isAbsent(value) && !isForModule) return;
  switch (field.kind) {
    case FieldKind::Bytes:
    case FieldKind::ByteBits: {
      Bytes bytes = toBytes(value, argument);
      if (bytes.empty()) return;  // modules accept only a null pointer for an empty field (NSS: OAEP labels)
      const auto length = static_cast<CK_ULONG>(keep(field, std::move(bytes)).bytes.size());
      return putField(structure_, field.lengthOffset,
                      field.kind == FieldKind::ByteBits ? length * 8 : length);
    }
    case FieldKind::BytesPointer: {
      Part& part = keep(field, toBytes(value, argument));
      part.length = static_cast<CK_ULONG>(part.bytes.size());
      return putField(structure_, field.lengthOffset, &part.length);
    }
    case FieldKind::Plain: {
      Bytes bytes = toBytes(value, argument);
      if (field.size != 0 && bytes.size() != field.size) {
        argument.outOfRange("exactly " + std::to_string(field.size) + " bytes");
      }
      keep(field, std::move(bytes));
      return;
    }
    case FieldKind::ParentBits: {
      const CK_ULONG bits = parent == nullptr ? 0 : parent->ivBits();
      if (bits > kMostIvBits) argument.outOfRange("an IV of at most 1,024 bytes (ivSizeInBits)");
      keep(field, Bytes::zeros((bits + 7) / 8));
      return;
    }
    case FieldKind::VersionPointer: {
      const CK_VERSION version = isAbsent(value) ? CK_VERSION{} : toVersion(value, argument);
      keep(field, Bytes(&version, sizeof version));
      return;
    }
    case FieldKind::HandlePointer:
      keep(field, Bytes::zeros(sizeof(CK_OBJECT_HANDLE)));
      return;
    case FieldKind::CString: {
      const Bytes text = toUtf8(value, argument);
      Bytes terminated = Bytes::zeros(text.size() + 1);
      std::memcpy(terminated.data(), text.data(), text.size());
      keep(field, std::move(terminated));
      return;
    }
    case FieldKind::Template: {
      Part& part = keep(field, {});
      part.attributes.read(value, argument);
      putField(structure_, field.offset, part.attributes.data());
      return putField(structure_, field.lengthOffset, part.attributes.size());
    }
    case FieldKind::Mechanism: {
      Part& part = keep(field, {});
      part.mechanism = std::make_unique<MechanismMemory>();
      part.mechanism->read(value, argument);
      return putField(structure_, field.offset, part.mechanism->get());
    }
    default: {  // Any: like the parameter of a mechanism
      Part& part = keep(field, {});
      part.mechanism = std::make_unique<MechanismMemory>();
      part.mechanism->readParameter(value, argument);
      putField(structure_, field.offset, part.mechanism->get()->pParameter);
      return putField(structure_, field.lengthOffset, part.mechanism->get()->ulParameterLen);
    }
  }
}

void StructureMemory::readStructures(const Field& field, Napi::Value value, const Argument& argument) {
  const Structure& nested = *structureNamed(field.nested);
  if (field.kind == FieldKind::Nested) {
    StructureMemory inner;
    inner.read(value, nested, argument, this);
    std::memcpy(structure_.data() + field.offset, inner.structure_.data(), nested.size);
    Part& part = parts_.emplace_back();
    part.field = &field;
    part.structures.push_back(std::move(inner));
    return;
  }
  if (isAbsent(value)) return;
  if (field.kind == FieldKind::Pointer) {
    StructureMemory inner;
    inner.read(value, nested, argument, this);
    Part& part = keep(field, {});
    part.structures.push_back(std::move(inner));
    return putField(structure_, field.offset, part.structures.front().structure_.pointer());
  }
  const auto elements = elementsOf(value, argument, std::string("an array of ") + nested.name);
  Part& part = keep(field, Bytes::zeros(elements.size() * nested.size));
  part.structures.reserve(elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) {
    StructureMemory& inner = part.structures.emplace_back();
    inner.read(elements[i], nested, argument.element(i), this);
    std::memcpy(part.bytes.data() + i * nested.size, inner.structure_.data(), nested.size);
  }
  putField(structure_, field.lengthOffset, static_cast<CK_ULONG>(elements.size()));
}

// The length in bits that a structure specifies for the IVs in its CK_..._KEY_MAT_OUT.
CK_ULONG StructureMemory::ivBits() const {
  for (const Field& field : *description_) {
    if (std::strcmp(field.name(), "ivSizeInBits") == 0)
      return getField<CK_ULONG>(structure_.data(), field.offset);
  }
  return 0;
}

void StructureMemory::capture() {
  for (Part& part : parts_) {
    if (part.field->out) part.captured = part.bytes;
    for (StructureMemory& structure : part.structures) structure.capture();
  }
}

void StructureMemory::writeBack(Napi::Object object) const {
  const Napi::Env env = object.Env();
  for (const Field& field : *description_) {
    if (field.out && field.kind == FieldKind::Handle) {
      object.Set(field.name(), fromHandle(env, getField<CK_ULONG>(structure_.data(), field.offset)));
    }
  }
  for (const Part& part : parts_) {
    const Field& field = *part.field;
    const Bytes& written = part.written();
    if (field.kind == FieldKind::Pointer || field.kind == FieldKind::Array) {
      const Napi::Value value = object.Get(field.name());
      for (std::uint32_t i = 0; i < part.structures.size(); ++i) {
        const Napi::Value inner = value.IsArray() ? value.As<Napi::Array>().Get(i) : value;
        if (inner.IsObject()) part.structures[i].writeBack(inner.As<Napi::Object>());
      }
    } else if (!field.out) {
      continue;
    } else if (field.kind == FieldKind::HandlePointer) {
      object.Set(field.name(), fromHandle(env, getField<CK_ULONG>(written.data(), 0)));
    } else if (field.kind == FieldKind::VersionPointer) {
      object.Set(field.name(), fromVersion(env, getField<CK_VERSION>(written.data(), 0)));
    } else if (field.kind == FieldKind::BytesPointer) {
      const auto length = std::min<std::size_t>(part.length, written.size());
      object.Set(field.name(), fromBytes(env, written.data(), length));
    } else if (!std::equal(written.begin(), written.end(), part.original.begin(), part.original.end())) {
      object.Set(field.name(), fromBytes(env, written.data(), written.size()));
    }
  }
}

}  // namespace cryptoki
