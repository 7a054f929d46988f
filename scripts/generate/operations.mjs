// The operations that a session can have, from spec/operations.json: binding/generated/operation_kinds.h, the second half of
// binding/generated/calls.h, and lib/generated/operations.ts.
import { BANNER } from './cpp-declarations.mjs';

/**
 * The position of each function in its operation, by name: of operations with a parameter, which the session has to keep. Fails
 * for a function that is unknown or has two positions.
 */
export function placesOf({ operations, functions }) {
  const known = new Map(
    functions.filter(({ bound }) => bound).map(({ name, parameters }) => [name, parameters]),
  );
  const places = new Map();
  const hasParameter = (name) => known.get(name).some(({ role }) => /^(mechanism|parameter)$/.test(role));
  const put = (name, operation, place) => {
    if (!known.has(name) || places.has(name)) throw new Error(`operations.json: ${operation}: ${name}`);
    places.set(name, { operation, place });
  };
  for (const [operation, { init, singlePart, update = [], final }] of Object.entries(operations)) {
    for (const name of init) put(name, operation, 'Begins');
    for (const name of update) put(name, operation, 'Continues');
    for (const name of [singlePart, final]) if (name !== undefined) put(name, operation, 'Ends');
  }
  for (const [name, { operation }] of places) {
    if (!hasParameter(operations[operation].init[0])) places.delete(name);
  }
  return places;
}

/** The operations of C_SessionCancel. */
const cancellable = ({ operations }) =>
  Object.entries(operations).filter(([, { flag }]) => flag !== undefined);

export function cppOperationKinds({ operations }) {
  const names = Object.keys(operations);
  return `${BANNER}// The operations that a session can have.
#pragma once

#include <cstddef>

// NOLINTBEGIN
namespace cryptoki {

// MessagePart: one message of a Message operation.
enum class OperationKind : unsigned char {
${names.map((name) => `  ${name},`).join('\n')}
};
inline constexpr std::size_t kOperationKinds = ${names.length};

// The position of a function in its operation.
enum class OperationPlace : unsigned char { Begins, Continues, Ends };

}  // namespace cryptoki
// NOLINTEND
`;
}

/** The operations as types of C++ functions, for templates. */
export function cppOperations(spec) {
  const types = cancellable(spec).map(([name, { flag, init, singlePart, final }]) => {
    const lines = [`  static constexpr OperationKind kind = OperationKind::${name};`];
    lines.push(`  static constexpr CK_FLAGS flag = CKF_${flag};`, `  using Init = fn::${init[0]};`);
    if (singlePart !== undefined) lines.push(`  using SinglePart = fn::${singlePart};`);
    // The functions that end it on an empty message.
    const endings = [final, singlePart].filter((ending) => ending !== undefined);
    lines.push(`  using Endings = std::tuple<${endings.map((ending) => `fn::${ending}`).join(', ')}>;`);
    return `struct ${name} {\n${lines.join('\n')}\n};`;
  });
  return `// The operations that C_SessionCancel can end.
namespace cryptoki::operation {

${types.join('\n')}
using Cancellable = std::tuple<${cancellable(spec)
    .map(([name]) => name)
    .join(', ')}>;

}  // namespace cryptoki::operation
`;
}

/** The operations on messages in one or several parts. */
export function tsOperations({ operations }) {
  const rows = Object.entries(operations)
    .filter(([, { singlePart, final }]) => singlePart !== undefined && final !== undefined)
    .filter(([, { flag }]) => flag !== undefined)
    .map(([name, { flag, init, singlePart, update, final }]) => {
      const text = Object.entries({ init: init[0], singlePart, update: update[0], final });
      const functions = text.map(([key, value]) => `${key}: '${value}'`).join(', ');
      return `  ${name}: { name: '${name}', flag: CKF.${flag}, ${functions} },`;
    });
  return `${BANNER}import { CKF } from './constants';

/** The operations on a message in one or in several parts: their functions, and their flag for C_SessionCancel. */
export const OPERATIONS = {
${rows.join('\n')}
} as const;
`;
}
