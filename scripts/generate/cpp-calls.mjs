// binding/generated/calls.h: one type per PKCS#11 function, with its roles; calls.cc: the methods of RawModule.
import { BANNER } from './cpp-declarations.mjs';
import { cppOperations, placesOf } from './operations.mjs';

/** Functions with their own class in binding/calls/, because they do more than the call. */
const OWN_JOB = new Set(['C_CloseAllSessions', 'C_GetAttributeValue', 'C_WaitForSlotEvent']);

/** The name of a role as a member: `template` is a word of C++. */
const member = (name) => (name === 'template' ? 'template_' : name);

/** The roles of a function, as a structure with their names. */
function roles({ name, parameters }, singleParts) {
  const members = parameters.map(({ cpp, name: label }) => `    ${cpp} ${member(label)};`);
  const tied = parameters.map(({ name: label }) => `roles.${member(label)}`).join(', ');
  // Code for several operations finds the message, and the result or the signature to verify, by their position.
  if (singleParts.has(name)) {
    const [, message, result] = parameters.map(({ name: label }) => member(label));
    members.push(`    auto& message() { return ${message}; }`);
    if (result !== undefined) members.push(`    auto& result() { return ${result}; }`);
  }
  members.push(`    static auto tie(auto& roles) { return std::tie(${tied}); }`);
  return `  struct Roles {\n${members.join('\n')}\n  };`;
}

export function cppCalls(spec) {
  const places = placesOf(spec);
  const singleParts = new Set(Object.values(spec.operations).map(({ singlePart }) => singlePart));
  const types = spec.functions
    .filter(({ bound }) => bound)
    .map((entry) => {
      const { name, parameters } = entry;
      const names = parameters.map(({ name: label }) => `"${label}"`).join(', ');
      const position = places.get(name);
      const place =
        position === undefined
          ? ''
          : `
  static constexpr OperationKind operation = OperationKind::${position.operation};
  static constexpr OperationPlace place = OperationPlace::${position.place};`;
      return `struct ${name} {
  static constexpr const char* name = "${name}";
  static constexpr auto pointer = &CK_FUNCTION_LIST_3_2::${name};${place}
${roles(entry, singleParts)}
  static constexpr std::array<const char*, ${parameters.length}> names = {${names}};
};`;
    });
  return `${BANNER}// What the call template (calls/call.h) needs to know of each function.
#pragma once

#include <array>
#include <tuple>

#include "generated/operation_kinds.h"
#include "marshal/role.h"

// NOLINTBEGIN
namespace cryptoki::fn {

${types.join('\n')}

}  // namespace cryptoki::fn

${cppOperations(spec)}// NOLINTEND
`;
}

export function cppCallTable({ functions }) {
  const lines = functions
    .filter(({ bound, name }) => bound && !OWN_JOB.has(name))
    .map(({ name }) => `  define<fn::${name}>(methods);`);
  return `${BANNER}#include "calls/call.h"
#include "calls/session_bookkeeping.h"
#include "calls/raw_module.h"
#include "generated/calls.h"

// NOLINTBEGIN
namespace cryptoki {

void defineCalls(std::vector<RawModule::Method>& methods) {
${lines.join('\n')}
}

}  // namespace cryptoki
// NOLINTEND
`;
}
