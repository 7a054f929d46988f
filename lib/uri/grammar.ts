import { CryptokiError } from '../core/errors';
import type { Named } from '../generated/attributes';

export type Kind = 'text' | 'bytes' | 'class' | 'number' | 'version';
export type Where = 'path' | 'query';

export interface Rule {
  readonly name: string;
  readonly where: Where;
  /** Member of Pkcs11Uri, and member of that; '' for the URI itself. */
  readonly group: 'token' | 'library' | 'slot' | 'object' | '';
  readonly member: string;
  readonly kind: Kind;
}

const rule = (name: string, at: string, kind: Kind = 'text'): Rule => {
  const [group, member] = at.split('.') as [Rule['group'], string];
  return { name, where: group === '' ? 'query' : 'path', group, member, kind };
};

/** In the order of the grammar in RFC 7512, which is the order of writing. */
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
export const BY_NAME: ReadonlyMap<string, Rule> = new Map(RULES.map((each) => [each.name, each]));

export const CLASSES: ReadonlyMap<string, Named<'CKO'>> = new Map([
  ['public', 'PUBLIC_KEY'],
  ['private', 'PRIVATE_KEY'],
  ['cert', 'CERTIFICATE'],
  ['secret-key', 'SECRET_KEY'],
  ['data', 'DATA'],
]);

export const SCHEME = 'pkcs11:';
export const MAX_LENGTH = 0xffff;
export const MAX_ULONG = 0xffff_ffff_ffff_ffffn;
export const PLAIN = { path: /[\w\-.~:[\]@!$'()*+,=&]/, query: /[\w\-.~:[\]@!$'()*+,=/?|]/ } as const;

/** Says where, and never what stands there: it could be a PIN. */
export const uriError = (what: string, position?: number): CryptokiError =>
  new CryptokiError({
    code: 'ERR_CRYPTOKI_URI',
    detail: `${position === undefined ? 'PKCS#11 URI' : `PKCS#11 URI, position ${position}`}: ${what}`,
  });
