import { type CryptokiError, ownError } from '../core/errors';
import type { Named } from '../generated/attributes';

export type ValueType = 'text' | 'bytes' | 'class' | 'number' | 'version';
/** The part of a URI that contains an attribute. */
export type Component = 'path' | 'query';

/** An attribute that RFC 7512 defines. */
export interface Rule {
  readonly name: string;
  readonly component: Component;
  /** The member of Pkcs11Uri that has `member`; '' for the URI itself. */
  readonly group: 'token' | 'library' | 'slot' | 'object' | '';
  readonly member: string;
  readonly type: ValueType;
}

const rule = (name: string, path: string, type: ValueType = 'text'): Rule => {
  const [group, member] = path.split('.') as [Rule['group'], string];
  return { name, component: group === '' ? 'query' : 'path', group, member, type };
};

/** The attributes in the order of the grammar in RFC 7512, in which formatUri() writes them. */
export const RULES: readonly Rule[] = [
  rule('token', 'token.label'),
  rule('manufacturer', 'token.manufacturer'),
  rule('serial', 'token.serialNumber'),
  rule('model', 'token.model'),
  rule('library-manufacturer', 'library.manufacturer'),
  rule('library-version', 'library.version', 'version'),
  rule('library-description', 'library.description'),
  rule('object', 'object.label'),
  rule('type', 'object.class', 'class'),
  rule('id', 'object.id', 'bytes'),
  rule('slot-description', 'slot.description'),
  rule('slot-manufacturer', 'slot.manufacturer'),
  rule('slot-id', 'token.slot', 'number'),
  rule('pin-source', '.pinSource'),
  rule('pin-value', '.pinValue'),
  rule('module-name', '.moduleName'),
  rule('module-path', '.modulePath'),
];
export const BY_NAME: ReadonlyMap<string, Rule> = new Map(RULES.map((entry) => [entry.name, entry]));

/** The classes of objects by the value of the attribute "type". */
export const CLASSES: ReadonlyMap<string, Named<'CKO'>> = new Map([
  ['public', 'PUBLIC_KEY'],
  ['private', 'PRIVATE_KEY'],
  ['cert', 'CERTIFICATE'],
  ['secret-key', 'SECRET_KEY'],
  ['data', 'DATA'],
]);

export const SCHEME = 'pkcs11:';
/** The limit of the length of a URI, in characters. */
export const MAX_LENGTH = 0xffff;
export const MAX_ULONG = 0xffff_ffff_ffff_ffffn;
/** The characters that need no percent-encoding. */
export const PLAIN = { path: /[\w\-.~:[\]@!$'()*+,=&]/, query: /[\w\-.~:[\]@!$'()*+,=/?|]/ } as const;

/**
 * Builds the error for a URI.
 * @param problem a clause that does not quote the URI, because any part of it could be a PIN
 * @param position from 0
 */
export const uriError = (problem: string, position?: number): CryptokiError =>
  ownError(
    'ERR_CRYPTOKI_URI',
    `${position === undefined ? 'PKCS#11 URI' : `PKCS#11 URI, position ${position}`}: ${problem}`,
  );
