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
  Bytes: () => ['BytesLike', 'optional; default: a null pointer and length 0', true],
  ByteBits: () => ['BytesLike', 'the module gets its length in bits', true],
  BitsOf: () => ['number', 'optional; default: the length of the bytes in bits', true],
  BytesPointer: () => ['BytesLike', 'its length is the limit of the result, which replaces it', true],
  Plain: ({ count }) => [
    'BytesLike',
    count > 0 ? `${count} bytes` : 'its length depends on the mechanism',
    true,
  ],
  ParentBits: () => ['BytesLike', 'set by the module', true],
  Nested: ({ nested }) => [nested],
  Pointer: ({ nested }) => [nested, undefined, true],
  Array: ({ nested }) => [`readonly ${nested}[]`, undefined, true],
  Template: () => ['readonly RawAttribute[]', undefined, true],
  Mechanism: () => ['RawMechanism', undefined, true],
  VersionPointer: () => ['RawVersion', 'set by the module', true],
  HandlePointer: () => ['bigint', 'set by the module', true],
  CString: () => ['string', 'ends at a NUL', true],
  Any: () => [
    'BytesLike | number | bigint | ({ structure: keyof ParameterStructures } & object)',
    'bytes, a number, or a structure by name',
    true,
  ],
  Boolean: () => ['boolean'],
  Byte: () => ['number', '0 to 255'],
  Handle: ({ out }) => (out ? ['bigint', 'set by the module', true] : ['bigint']),
  Ulong: () => ['number | bigint'],
};

/** Structures that are neither parameters nor part of one. */
const OTHER = new Set([
  ...[
    'CK_ATTRIBUTE',
    'CK_DATE',
    'CK_VERSION',
    'CK_INFO',
    'CK_MECHANISM',
    'CK_MECHANISM_INFO',
    'CK_SESSION_INFO',
  ],
  ...['CK_SLOT_INFO', 'CK_TOKEN_INFO'],
]);

export function tsStructures({ structures }) {
  const information = structures
    .filter(({ name }) => INFORMATION.includes(name))
    .map(({ name, fields }) => {
      const lines = fields.map(
        (field) => `  /** ${field.name} */\n  ${field.js}: ${OUT[field.kind](field)};`,
      );
      return `/** ${name} */\nexport interface ${name} {\n${lines.join('\n')}\n}`;
    });
  const parameters = structures.filter(({ name, complete }) => complete && !OTHER.has(name));
  const inputs = parameters.map(({ name, fields }) => {
    const lines = fields.map((field) => {
      const [type, kindNote, optional] = IN[field.kind](field);
      const note = [
        kindNote,
        field.out && kindNote !== 'set by the module' ? 'the module may change it' : undefined,
      ]
        .filter(Boolean)
        .join('; ');
      return `  /** ${field.name}${note ? `; ${note}` : ''} */\n  ${field.js}${optional ? '?' : ''}: ${type}${optional ? ' | undefined' : ''};`;
    });
    return `/** ${name} */\nexport interface ${name} {\n${lines.join('\n')}\n}`;
  });
  return `${BANNER}import type { BytesLike, RawAttribute, RawMechanism, RawVersion } from '../raw/values';

${information.join('\n\n')}

${inputs.join('\n\n')}

/** Mechanism parameter structures by name. */
export interface ParameterStructures {
${parameters.map(({ name }) => `  ${name}: ${name};`).join('\n')}
}

/**
 * The parameter of one message of the message-based functions: bytes, which are passed unchanged, or an object with the fields
 * of the structure that its member \`structure\` names (CK_GCM_MESSAGE_PARAMS ...). Fields that the module writes (a generated
 * nonce, the tag) are set in the object when the call has succeeded.
 */
export type RawParameter = BytesLike | { structure: keyof ParameterStructures; [field: string]: unknown };
`;
}
