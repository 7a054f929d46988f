// lib/generated/structures.ts: information structures and mechanism parameters as TypeScript interfaces.
import { BANNER } from './cpp-declarations.mjs';

const INFORMATION = ['CK_INFO', 'CK_SLOT_INFO', 'CK_TOKEN_INFO', 'CK_MECHANISM_INFO', 'CK_SESSION_INFO'];

const OUT = {
  Text: () => 'string',
  Version: () => 'RawVersion',
  Handle: () => 'bigint',
  Ulong: ({ base }) => (base === 'CK_ULONG' ? 'number | undefined' : 'number'),
};
const IN = {
  Fixed: ({ count }) => ['BytesLike', `${count} bytes`],
  Text: () => ['string'],
  Version: () => ['RawVersion'],
  Bytes: () => ['BytesLike', 'optional: a null pointer and length 0 when left out', true],
  ByteBits: () => ['BytesLike', 'its length is given to the module in bits', true],
  BitsOf: () => ['number', 'optional: the length of the bytes in bits', true],
  Boolean: () => ['boolean'],
  Byte: () => ['number', '0 to 255'],
  Handle: () => ['bigint'],
  Ulong: () => ['number | bigint'],
};

export function tsStructures({ structures }) {
  const information = structures
    .filter(({ name }) => INFORMATION.includes(name))
    .map(({ name, fields }) => {
      const lines = fields.map(
        (field) => `  /** ${field.name} */\n  ${field.js}: ${OUT[field.kind](field)};`,
      );
      return `/** ${name} */\nexport interface ${name} {\n${lines.join('\n')}\n}`;
    });
  const parameters = structures.filter(
    ({ name, complete }) => complete && /_PARAMS\d?$|_CONTEXT$/.test(name),
  );
  const inputs = parameters.map(({ name, fields }) => {
    const lines = fields.map((field) => {
      const [type, note, optional] = IN[field.kind](field);
      return `  /** ${field.name}${note ? `; ${note}` : ''} */\n  ${field.js}${optional ? '?' : ''}: ${type}${optional ? ' | undefined' : ''};`;
    });
    return `/** ${name} */\nexport interface ${name} {\n${lines.join('\n')}\n}`;
  });
  return `${BANNER}import type { BytesLike, RawVersion } from '../raw/types';

${information.join('\n\n')}

${inputs.join('\n\n')}

/** Mechanism parameter structures by their name. */
export interface ParameterStructures {
${parameters.map(({ name }) => `  ${name}: ${name};`).join('\n')}
}
`;
}
