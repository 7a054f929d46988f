// What generated/tables.cc knows of PKCS#11: the type of each attribute, the fields of each structure, the
// parameter structure of each mechanism.
#pragma once

#include <cstddef>
#include <string_view>

#include "generated/pkcs11.h"

namespace cryptoki {

enum class AttributeKind : unsigned char {
  Unknown,
  Boolean,
  Ulong,
  Bytes,
  Utf8,
  Date,
  BigInteger,
  Mechanisms,
  Template,
};

AttributeKind attributeKind(CK_ATTRIBUTE_TYPE type);
// "CKA_LABEL", or nullptr for a number the specification does not name.
const char* attributeName(CK_ATTRIBUTE_TYPE type);

enum class FieldKind : unsigned char {
  Ulong,
  Boolean,
  Byte,
  Handle,
  Version,
  Text,      // blank-padded characters in the structure
  Fixed,     // bytes in the structure
  Bytes,     // pointer, with a length field in bytes
  ByteBits,  // pointer, with a length field in bits
  BitsOf,    // the length of another field in bits, unless given
};

struct Field {
  const char* name;  // in JavaScript
  FieldKind kind;
  std::size_t offset;
  std::size_t lengthOffset;  // Bytes, ByteBits, BitsOf
  std::size_t size;          // Text, Fixed: number of bytes
};

struct Structure {
  const char* name;
  std::size_t size;
  const Field* fields;
  std::size_t count;

  const Field* begin() const { return fields; }
  const Field* end() const { return fields + count; }
};

const Structure* structureNamed(std::string_view name);
// The one-shot parameter of a mechanism; nullptr when it takes none, raw bytes or a number.
const Structure* parameterOf(CK_MECHANISM_TYPE mechanism);
// The description of an information structure.
template <class T>
const Structure& structureOf();

}  // namespace cryptoki
