// lib/generated/constants.ts, errors.ts and attributes.ts.
import { BANNER } from './cpp-declarations.mjs';

const FAMILIES = {
  CK: 'General constants',
  CKA: 'Attribute types',
  CKC: 'Certificate types',
  CKD: 'Key derivation functions',
  CKF: 'Flags',
  CKG: 'Mask generation and generator functions',
  CKH: 'Hardware feature and hedge types',
  CKK: 'Key types',
  CKM: 'Mechanism types',
  CKN: 'Notifications',
  CKO: 'Object classes',
  CKP: 'Profiles, parameter sets and pseudo-random functions',
  CKR: 'Return values',
  CKS: 'Session states',
  CKT: 'Trust values',
  CKU: 'User types',
  CKV: 'Validation types',
  CKZ: 'Parameter sources',
  CRYPTOKI: 'Version of the specification',
};

const key = (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`);
const number = (value) => (value > 0xffff ? `0x${value.toString(16)}` : String(value));

export function tsConstants({ constants }) {
  const families = Object.entries(constants).map(([family, members]) => {
    const lines = Object.entries(members)
      .filter(([, value]) => typeof value === 'number') // CK_UNAVAILABLE_INFORMATION is undefined in JavaScript
      .map(([name, value]) => `  ${key(name)}: ${number(value)},`);
    return `/** ${FAMILIES[family]}: ${family}_ names of PKCS#11 3.2, without the prefix. */\nexport const ${family} = {\n${lines.join('\n')}\n} as const;`;
  });
  return `${BANNER}${families.join('\n\n')}\n`;
}

export function tsErrors({ errors, constants }) {
  const lines = Object.entries(errors).map(([name, { meaning, advice, adviceFor, action }]) => {
    const value = constants.CKR[name.slice(4)];
    return `  [${number(value)}, { name: ${JSON.stringify(name)}, meaning: ${JSON.stringify(meaning)}, advice: ${JSON.stringify(advice)}${adviceFor === undefined ? '' : `, adviceFor: ${JSON.stringify(adviceFor)}`}, action: ${JSON.stringify(action)} }],`;
  });
  return `${BANNER}/** The action that a client or program can take after a failed call. */
export type Action = 'retry' | 'reopen' | 'relogin' | 'refind' | 'reinitialise' | 'fatal';

/** An entry of spec/errors.json. */
export interface ReturnValue {
  readonly name: string;
  readonly meaning: string;
  readonly advice: string;
  /** Advice for some C functions, in place of the general one. */
  readonly adviceFor?: Readonly<Record<string, string>>;
  readonly action: Action;
}

/** The entries by CK_RV. */
export const RETURN_VALUES: ReadonlyMap<number, ReturnValue> = new Map<number, ReturnValue>([
${lines.join('\n')}
]);
`;
}

const READ = {
  boolean: 'boolean',
  ulong: 'number',
  bytes: 'Buffer',
  utf8: 'string',
  date: 'Date',
  bigInteger: 'Buffer',
  ulongs: 'number[]',
  template: 'RawAttributeResult[]',
};
const WRITE = {
  boolean: 'boolean',
  ulong: 'number | bigint',
  bytes: 'BytesLike',
  utf8: 'string | BytesLike',
  date: 'Date | string',
  bigInteger: 'BytesLike | bigint',
  ulongs: 'readonly number[]',
  template: 'readonly RawAttribute[]',
};

export const camel = (name) => name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

export function tsAttributes({ attributes, constants }) {
  const usable = Object.entries(attributes).filter(
    ([name, { alias }]) => !alias && name !== 'CKA_VENDOR_DEFINED',
  );
  const type =
    (types) =>
    ({ type: kind, family }) =>
      family ? `Named<'${family}'>` : types[kind];
  const members = (types) =>
    usable
      .map(([name, entry]) => `  /** ${name} */\n  ${camel(name.slice(4))}: ${type(types)(entry)};`)
      .join('\n');
  const table = usable.map(([name, { type: kind, family }]) => {
    const property = camel(name.slice(4));
    const rest = family ? `, family: '${family}'` : '';
    return `  ${property}: { type: ${number(constants.CKA[name.slice(4)])}, name: '${name}', kind: '${kind}'${rest} },`;
  });
  const families = Object.keys(constants).filter((family) => family.startsWith('CK') && family.length === 3);
  return `${BANNER}import type { BytesLike, RawAttribute, RawAttributeResult } from '../raw/values';
import type { ${families.join(', ')} } from './constants';

/** The families of constants, by their prefix. */
export interface Families {
${families.map((family) => `  ${family}: typeof ${family};`).join('\n')}
}

/** The name of a constant without its prefix ('EC' for CKK_EC), or a number for values without a standard name. */
export type Named<Family extends keyof Families> = keyof Families[Family] | number;

/** Attributes by name, with the types of values that are read: CKA_EC_PARAMS is ecParams. */
export interface AttributeValues {
${members(READ)}
}

/** Attributes by name, with the types of values that are written. */
export interface AttributeInputs {
${members(WRITE)}
}

/** Name, number and encoding of an attribute. */
export interface AttributeDescription {
  readonly type: number;
  readonly name: string;
  readonly kind: 'boolean' | 'ulong' | 'bytes' | 'utf8' | 'date' | 'bigInteger' | 'ulongs' | 'template';
  readonly family?: keyof Families;
}

/** Every attribute of PKCS#11 3.2 by its name in JavaScript. */
export const ATTRIBUTES: { readonly [Name in keyof AttributeValues]: AttributeDescription } = {
${table.join('\n')}
};
`;
}
