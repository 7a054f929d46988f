import { unknownName } from '../core/argument-errors';
import { argumentError, isBytes, requireObject, requireOptions, viewOf } from '../core/arguments';
import type { RawVersion } from '../raw/values';
import { BY_NAME, CLASSES, PLAIN, RULES, type Rule, SCHEME, uriError, type Where } from './grammar';
import { parseUri } from './parse';
import type { Pkcs11Uri } from './types';

const encodeByte = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

function encodeText(value: unknown, where: Where, called: string): string {
  if (typeof value !== 'string')
    throw argumentError(TypeError, `${called} of a PKCS#11 URI must be a string`);
  if (Buffer.from(value).toString() !== value) throw uriError(`${called} is not well-formed Unicode`);
  return Array.from(Buffer.from(value), (byte) => {
    const char = String.fromCharCode(byte);
    return byte < 0x80 && PLAIN[where].test(char) ? char : encodeByte(byte);
  }).join('');
}

function encode(value: unknown, { name, where, kind }: Rule): string {
  switch (kind) {
    case 'text':
      return encodeText(value, where, name);
    case 'bytes':
      if (!isBytes(value)) throw argumentError(TypeError, `${name} of a PKCS#11 URI must be bytes`);
      return Array.from(viewOf(value), encodeByte).join('');
    case 'number':
      return String(value);
    case 'version': {
      requireOptions(value, 'the parts of library.version', ['major', 'minor']);
      const { major, minor } = value as RawVersion;
      return `${major}.${minor}`;
    }
    case 'class': {
      const type = [...CLASSES].find(([, objectClass]) => objectClass === value)?.[0];
      if (type === undefined) throw uriError(`there is no ${name} for this class of objects`);
      return type;
    }
  }
}

/** The members of a URI, and those of each; undefined where the member is a value. */
const MEMBERS: ReadonlyMap<string, readonly string[] | undefined> = new Map<
  string,
  readonly string[] | undefined
>([
  ...RULES.filter(({ group }) => group === '').map(({ member }) => [member, undefined] as const),
  ...(['token', 'library', 'slot', 'object'] as const).map(
    (name) => [name, RULES.filter(({ group }) => group === name).map(({ member }) => member)] as const,
  ),
  ['vendor', ['path', 'query']],
]);

/**
 * Writes a PKCS#11 URI in its canonical form: attributes in the order of RFC 7512's grammar, then vendor attributes by
 * name; percent-encoding only where it is needed, but for id, which is all encoded; a version as major.minor.
 * The PIN of `pinValue` is in the result.
 * @throws ERR_CRYPTOKI_URI for what cannot stand in a URI; TypeError ERR_INVALID_ARG_TYPE, TypeError
 *   ERR_INVALID_ARG_VALUE for a part that a URI does not have
 */
export function formatUri(uri: Partial<Pkcs11Uri>): string {
  requireObject(uri, 'a parsed PKCS#11 URI');
  for (const name of Object.keys(uri)) {
    if (!MEMBERS.has(name)) throw unknownName('member', name, MEMBERS.keys(), { place: ' of a PKCS#11 URI' });
    const known = MEMBERS.get(name);
    const part = (uri as Record<string, unknown>)[name];
    if (known !== undefined && part !== undefined) requireOptions(part, `the parts of ${name}`, known);
  }
  const parts: Record<Where, string[]> = { path: [], query: [] };
  for (const each of RULES) {
    const group = (each.group === '' ? uri : uri[each.group]) as Record<string, unknown> | undefined;
    const value = group?.[each.member];
    if (value !== undefined) parts[each.where].push(`${each.name}=${encode(value, each)}`);
  }
  for (const where of ['path', 'query'] as const) {
    for (const [name, values] of Object.entries(uri.vendor?.[where] ?? {}).sort(([a], [b]) =>
      a < b ? -1 : 1,
    )) {
      if (BY_NAME.has(name.toLowerCase())) throw uriError(`${name.toLowerCase()} is no vendor attribute`);
      for (const value of [values].flat()) {
        parts[where].push(`${name}=${encodeText(value, where, 'a vendor attribute')}`);
      }
    }
  }
  const text = `${SCHEME}${parts.path.join(';')}${parts.query.length > 0 ? '?' : ''}${parts.query.join('&')}`;
  parseUri(text); // length, NUL, numbers, names, two PINs: one set of rules for both ways
  return text;
}

/** Whether two URIs are equivalent (RFC 7512, section 2.6): the same attributes with the same values, in any order. */
export function equalUris(a: Partial<Pkcs11Uri>, b: Partial<Pkcs11Uri>): boolean {
  return formatUri(a) === formatUri(b);
}
