// Access to the tables of generated/tables.cc: the type of each attribute, the fields of each structure, the
// parameter structure of each mechanism.
#pragma once

#include <cstddef>
#include <span>
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
  Ulongs,
  Template,
};

// The size in bytes of a value of fixed size; 0 for other kinds.
constexpr std::size_t fixedSize(AttributeKind kind) {
  if (kind == AttributeKind::Boolean) return sizeof(CK_BBOOL);
  return kind == AttributeKind::Ulong ? sizeof(CK_ULONG) : 0;
}

AttributeKind attributeKind(CK_ATTRIBUTE_TYPE type);
// "CKA_LABEL", or nullptr for a number that the specification does not name.
const char* attributeName(CK_ATTRIBUTE_TYPE type);

enum class FieldKind : unsigned char {
  Ulong,
  Boolean,
  Byte,
  Handle,
  Version,
  Text,            // blank-padded characters in the structure
  Fixed,           // bytes in the structure
  Bytes,           // pointer, with a length field in bytes
  ByteBits,        // pointer, with a length field in bits
  BitsOf,          // the length of another field in bits, unless given
  BytesPointer,    // pointer, with a pointer to a length that is input and output
  Plain,           // pointer to bytes of a fixed number
  ParentBits,      // pointer to bytes that the module writes; the outer structure has their number
  Nested,          // a structure in the structure
  Pointer,         // pointer to a structure
  Array,           // pointer to structures, with their count
  Template,        // CK_ATTRIBUTE*, with a count
  Mechanism,       // CK_MECHANISM*
  VersionPointer,  // CK_VERSION*
  HandlePointer,   // CK_OBJECT_HANDLE*
  CString,         // characters up to a NUL
  Any,             // void*, with a length: bytes, a number or a structure
};

struct Field {
  const char* member;  // its name in JavaScript after a dot, as error messages show it
  FieldKind kind;
  std::size_t offset;
  std::size_t lengthOffset;  // of the length or count, if it has one; ParentBits: see structure.cc
  std::size_t size;          // Text, Fixed, Plain: number of bytes (Plain: 0 is any)
  const char* nested;        // Nested, Pointer, Array: the structure
  bool out;                  // the module may write it

  const char* name() const { return member + 1; }
};

struct Structure {
  const char* name;
  std::size_t size;
  const Field* fields;
  std::size_t count;
  bool writesBack;  // it, or a nested structure, has a field that the module may write

  const Field* begin() const { return fields; }
  const Field* end() const { return fields + count; }
};

std::span<const Structure> structures();
const Structure* structureNamed(std::string_view name);
// The parameter structure of a mechanism; nullptr when it takes none, raw bytes or a number.
const Structure* parameterOf(CK_MECHANISM_TYPE mechanism);
// The description of an information structure.
template <class T>
const Structure& structureOf();

}  // namespace cryptoki
