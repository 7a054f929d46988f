// binding/generated/calls.h: one type per PKCS#11 function, with its roles; calls.cc: the methods of RawModule.
import { BANNER } from './cpp-declarations.mjs';

/** Functions with their own class in binding/calls/, because they do more than the call. */
const OWN_JOB = new Set(['C_CloseAllSessions', 'C_GetAttributeValue', 'C_WaitForSlotEvent']);

export function cppCalls({ functions }) {
  const types = functions
    .filter(({ bound }) => bound)
    .map(({ name, parameters }) => {
      const roles = parameters.map(({ cpp }) => cpp).join(', ');
      const names = parameters.map(({ name: label }) => `"${label}"`).join(', ');
      return `struct ${name} {
  static constexpr const char* name = "${name}";
  static constexpr auto pointer = &CK_FUNCTION_LIST_3_2::${name};
  using Roles = std::tuple<${roles}>;
  static constexpr std::array<const char*, ${parameters.length}> names = {${names}};
};`;
    });
  return `${BANNER}// What the call template (calls/call.h) needs to know of each function.
#pragma once

#include <array>
#include <tuple>

#include "marshal/role.h"

// NOLINTBEGIN
namespace cryptoki::fn {

${types.join('\n')}

}  // namespace cryptoki::fn
// NOLINTEND
`;
}

export function cppCallTable({ functions }) {
  const lines = functions
    .filter(({ bound, name }) => bound && !OWN_JOB.has(name))
    .map(({ name }) => `  define<fn::${name}>(methods);`);
  return `${BANNER}#include "calls/call.h"
#include "calls/effects.h"
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
