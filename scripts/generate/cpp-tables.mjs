// binding/generated/tables.cc: tables for the marshalling code: attribute types, structure fields, mechanism
// parameters.
import { BANNER } from './cpp-declarations.mjs';

const KINDS = {
  boolean: 'Boolean',
  ulong: 'Ulong',
  bytes: 'Bytes',
  utf8: 'Utf8',
  date: 'Date',
  bigInteger: 'BigInteger',
  ulongs: 'Ulongs',
  template: 'Template',
};

export function cppTables({ attributes, constants, structures, mechanisms }) {
  const attributeLines = Object.entries(attributes)
    .filter(([, { alias }]) => alias === undefined)
    .filter(([name]) => name !== 'CKA_VENDOR_DEFINED')
    .sort(([a], [b]) => constants.CKA[a.slice(4)] - constants.CKA[b.slice(4)])
    .map(([name, { type }]) => `    {${name}, AttributeKind::${KINDS[type]}, "${name}"},`);
  const usable = structures.filter(({ complete }) => complete);
  const writesBack = (name) =>
    usable
      .find((structure) => structure.name === name)
      .fields.some(({ out, nested }) => out || (nested !== undefined && writesBack(nested)));
  const structureLines = usable.map(({ name, fields }) => {
    const lines = fields.map(({ name: field, js, kind, length, count, nested, out }) => {
      const lengthOffset = length ? `offsetof(${name}, ${length})` : '0';
      const inner = nested ? `"${nested}"` : 'nullptr';
      return `    {".${js}", FieldKind::${kind}, offsetof(${name}, ${field}), ${lengthOffset}, ${count ?? 0}, ${inner}, ${out}},`;
    });
    return `constexpr Field k${name}[] = {\n${lines.join('\n')}\n};`;
  });
  const names = new Set(usable.map(({ name }) => name));
  const parameterLines = Object.entries(mechanisms)
    .filter(([, { alias }]) => alias === undefined)
    .filter(([, { parameter }]) => names.has(parameter))
    .sort(([a], [b]) => constants.CKM[a.slice(4)] - constants.CKM[b.slice(4)])
    .map(([name, { parameter }]) => `    {${name}, "${parameter}"},`);
  return `${BANNER}#include "marshal/tables.h"

#include "marshal/vendor.h"

#include <algorithm>
#include <iterator>
#include <string_view>

// NOLINTBEGIN
namespace cryptoki {
namespace {

struct AttributeEntry {
  CK_ATTRIBUTE_TYPE type;
  AttributeKind kind;
  const char* name;
};

// By number.
constexpr AttributeEntry kAttributes[] = {
${attributeLines.join('\n')}
};

${structureLines.join('\n')}

constexpr Structure kStructures[] = {
${usable.map(({ name }) => `    {"${name}", sizeof(${name}), k${name}, std::size(k${name}), ${writesBack(name)}},`).join('\n')}
};

struct ParameterEntry {
  CK_MECHANISM_TYPE mechanism;
  const char* structure;
};

// By number: the parameter structure of each mechanism that has one.
constexpr ParameterEntry kParameters[] = {
${parameterLines.join('\n')}
};

const AttributeEntry* find(CK_ATTRIBUTE_TYPE type) {
  const auto* end = std::end(kAttributes);
  const auto* entry = std::lower_bound(std::begin(kAttributes), end, type,
                                       [](const AttributeEntry& a, CK_ATTRIBUTE_TYPE t) { return a.type < t; });
  return entry != end && entry->type == type ? entry : nullptr;
}

}  // namespace

AttributeKind attributeKind(CK_ATTRIBUTE_TYPE type) {
  const auto* entry = find(type);
  return entry != nullptr ? entry->kind : vendorAttributeKind(type);
}

const char* attributeName(CK_ATTRIBUTE_TYPE type) {
  const auto* entry = find(type);
  return entry != nullptr ? entry->name : vendorAttributeName(type);
}

std::span<const Structure> structures() { return kStructures; }

const Structure* structureNamed(std::string_view name) {
  for (const auto& structure : kStructures)
    if (name == structure.name) return &structure;
  return nullptr;
}

const Structure* parameterOf(CK_MECHANISM_TYPE mechanism) {
  const auto* end = std::end(kParameters);
  const auto* entry = std::lower_bound(std::begin(kParameters), end, mechanism,
                                       [](const ParameterEntry& a, CK_MECHANISM_TYPE m) { return a.mechanism < m; });
  return entry != end && entry->mechanism == mechanism ? structureNamed(entry->structure) : nullptr;
}

${['CK_INFO', 'CK_SLOT_INFO', 'CK_TOKEN_INFO', 'CK_MECHANISM_INFO', 'CK_SESSION_INFO']
  .map(
    (name) =>
      `template <>\nconst Structure& structureOf<${name}>() {\n  static const Structure& structure = *structureNamed("${name}");\n  return structure;\n}`,
  )
  .join('\n')}

}  // namespace cryptoki
// NOLINTEND
`;
}
