// fault/generated/functions.h: the properties of each function with which the fault module forwards and spoils calls.
import { BANNER } from './cpp-declarations.mjs';

/** The result of a call, derived from the roles of its parameters: its kind, and the position of its pointer. */
export function outputOf({ parameters }) {
  const kinds = {
    'out bytes': 'Bytes',
    'out short': 'Bytes',
    'out slots': 'List',
    'out mechanisms': 'List',
    'out random': 'Random',
    'out attributes': 'Attributes',
  };
  let position = 0;
  for (const { role, c } of parameters) {
    if (kinds[role]) return { kind: kinds[role], position };
    position += c.length;
  }
  return { kind: 'None', position: 0 };
}

const targets = { CK_SESSION_HANDLE: 'Session', CK_SLOT_ID: 'Slot' };

export function cppFault({ functions, constants }) {
  const shapes = functions.map((entry) => {
    const { kind, position } = outputOf(entry);
    const target = targets[entry.c[0]] ?? 'Module';
    return `    {"${entry.name}", Target::${target}, Answer::${kind}, ${position}},`;
  });
  const members = functions.map(
    ({ name }) =>
      `template <>\ninline constexpr auto kMember<Function::${name}> = &CK_FUNCTION_LIST_3_2::${name};`,
  );
  const values = Object.keys(constants.CKR).map((name) => `    {"CKR_${name}", CKR_${name}},`);
  return `${BANNER}// What the fault module has to know of each function to forward a call and to spoil it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "generated/pkcs11.h"

// NOLINTBEGIN
namespace cryptoki::fault {

enum class Function : unsigned char {
${functions.map(({ name }) => `  ${name},`).join('\n')}
};

// The object of the first argument.
enum class Target : unsigned char { Module, Slot, Session };

// The form of a result: bytes with their length, a list with its length, random bytes, or attributes.
enum class Answer : unsigned char { None, Bytes, List, Random, Attributes };

struct Shape {
  std::string_view name;
  Target target;
  Answer answer;
  std::size_t position;  // of the argument that points to the result; the next one is its length
};

inline constexpr std::size_t kFunctionCount = ${functions.length};
inline constexpr std::array<Shape, kFunctionCount> kShapes{{
${shapes.join('\n')}
}};

// The position of a function in the list.
template <Function>
inline constexpr auto kMember = nullptr;
${members.join('\n')}

struct ReturnValue {
  std::string_view name;
  CK_RV value;
};

inline constexpr std::array<ReturnValue, ${values.length}> kReturnValues{{
${values.join('\n')}
}};

}  // namespace cryptoki::fault
// NOLINTEND
`;
}
