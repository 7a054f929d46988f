// The oddities of the fault module: fault/generated/oddities.h, lib/generated/oddities.ts, and the table in
// docs/testing.md.
import { BANNER } from './cpp-declarations.mjs';
import { outputOf } from './cpp-fault.mjs';

const CALLS = { asking: 'Asking', fetching: 'Fetching', all: 'All' };
const CLASSES = ['Bytes', 'List', 'Random'];
const FIELDS = ['subject', 'functions', 'calls', 'code', 'posix', 'does', 'follows'];

/** The entries of spec/oddities.json, checked, with classes of functions replaced by their members. */
function entries({ oddities, functions, constants }) {
  const inClass = (kind) => functions.filter((each) => outputOf(each).kind === kind).map(({ name }) => name);
  const known = new Set(functions.map(({ name }) => name));
  return Object.entries(oddities).map(([name, entry]) => {
    const refuse = (why) => {
      throw new Error(`oddities.json: ${name} ${why}`);
    };
    for (const field of Object.keys(entry)) if (!FIELDS.includes(field)) refuse(`has a field "${field}"`);
    for (const field of ['subject', 'does', 'follows']) if (!entry[field]) refuse(`has no "${field}"`);
    const { calls = 'all', code, posix = false } = entry;
    if (!(calls in CALLS)) refuse(`has "${calls}" for calls`);
    if (code !== undefined && !(code.slice(4) in constants.CKR)) refuse(`has the unknown code ${code}`);
    const names = entry.functions.flatMap((each) => (CLASSES.includes(each) ? inClass(each) : [each]));
    for (const each of names) if (!known.has(each)) refuse(`names the unknown function ${each}`);
    return { ...entry, name, calls, code, posix, names };
  });
}

const identifier = (name) =>
  name.replace('3.', '3').replace(/(^|-)(\w)/g, (_, _dash, letter) => letter.toUpperCase());

/** Type names as C++ constants, for the attributes of this type. */
const attributesOf = ({ attributes }, type) =>
  Object.entries(attributes)
    .filter(([, entry]) => entry.type === type)
    .map(([name]) => name);

const array = (name, type, values) =>
  `inline constexpr std::array<${type}, ${values.length}> ${name}{{\n${values.map((each) => `    ${each},\n`).join('')}}};`;

export function cppOddities(spec) {
  const all = entries(spec);
  const rows = all.map(({ name, calls, code, posix, names }) => {
    const functions = names.map((each) => `Function::${each}`).join(', ');
    return `{"${name}", Calls::${CALLS[calls]}, ${code !== undefined}, ${code ?? 'CKR_OK'}, ${posix},\n     functionSet({${functions}})}`;
  });
  return `${BANNER}// The oddities that a plan can ask for: names, and the calls to which they apply.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <initializer_list>
#include <string_view>

#include "fault/generated/functions.h"

// NOLINTBEGIN
namespace cryptoki::fault {

enum class Oddity : unsigned char {
${all.map(({ name }) => `  ${identifier(name)},`).join('\n')}
};

// The calls that a rule with the oddity counts: all, queries of a length, or calls that fetch a result.
enum class Calls : unsigned char { All, Asking, Fetching };

using FunctionSet = std::array<bool, kFunctionCount>;

constexpr FunctionSet functionSet(std::initializer_list<Function> functions) {
  FunctionSet result{};
  for (const Function each : functions) result[static_cast<std::size_t>(each)] = true;
  return result;
}

struct OddityShape {
  std::string_view name;
  Calls calls;
  bool takesCode;  // the oddity returns the code in the rule's \`return\`
  CK_RV code;      // the default of that code
  bool posixOnly;
  FunctionSet functions;
};

inline constexpr std::size_t kOddityCount = ${all.length};
using OddityBits = std::bitset<kOddityCount>;
${array('kOddities', 'OddityShape', rows)}

inline constexpr const OddityShape& shapeOf(Oddity oddity) { return kOddities[static_cast<std::size_t>(oddity)]; }

${array('kUlongAttributes', 'CK_ATTRIBUTE_TYPE', attributesOf(spec, 'ulong'))}

${array('kBooleanAttributes', 'CK_ATTRIBUTE_TYPE', attributesOf(spec, 'boolean'))}

}  // namespace cryptoki::fault
// NOLINTEND
`;
}

const quoted = (text) => `'${text.replaceAll("'", "\\'")}'`;

export function tsOddities(spec) {
  const all = entries(spec);
  const shared = new Map();
  const constants = CLASSES.map((kind) => {
    const names = spec.functions.filter((each) => outputOf(each).kind === kind).map(({ name }) => name);
    shared.set(kind, names);
    return `const ${kind.toUpperCase()} = [\n${names.map((name) => `  '${name}',\n`).join('')}] as const;`;
  });
  const lines = all.map(({ name, subject, functions, code, does, follows }) => {
    const list = functions.map((each) => (shared.has(each) ? `...${each.toUpperCase()}` : `'${each}'`));
    const returned = code === undefined ? '' : `    code: '${code}',\n`;
    return `  ${quoted(name)}: {\n    subject: '${subject}',\n    functions: [${list.join(', ')}],\n${returned}    does: ${quoted(does)},\n    follows: ${quoted(follows)},\n  },`;
  });
  return `${BANNER}${constants.join('\n')}

/** The oddities that a rule can name: deviations of real modules from PKCS#11. */
export const ODDITIES = {
${lines.join('\n')}
} as const;
`;
}

const cell = (text) => text.replaceAll('|', '\\|');

const CLASS_TEXT = {
  Bytes: 'functions that return bytes',
  List: '`C_GetSlotList`, `C_GetMechanismList`',
  Random: '`C_GenerateRandom`',
};

function table(spec) {
  const all = entries(spec);
  const subjects = [...new Set(all.map(({ subject }) => subject))];
  return subjects
    .map((subject) => {
      const rows = all
        .filter((each) => each.subject === subject)
        .map(({ name, functions, code, does, follows }) => {
          const applies = functions.map((each) => CLASS_TEXT[each] ?? `\`${each}\``).join(', ');
          const returned = code === undefined ? '' : ` (\`return\`, or \`${code}\`)`;
          return `| \`${name}\` | ${applies} | ${cell(does)}${returned} | ${cell(follows)} |`;
        });
      const title = `${subject[0].toUpperCase()}${subject.slice(1)}`;
      return `### ${title}\n\n| Oddity | Functions | Effect | Follows |\n|---|---|---|---|\n${rows.join('\n')}`;
    })
    .join('\n\n');
}

const BEGIN = '<!-- generated from spec/oddities.json -->';
const END = '<!-- end of generated -->';

/** Returns the document with its tables generated again. */
export function mdOddities(spec, document) {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`docs/testing.md has no "${BEGIN}" ... "${END}"`);
  return `${before}${BEGIN}\n${table(spec)}\n${END}${after}`;
}
