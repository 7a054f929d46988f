import { unknownName } from '../core/argument-errors';
import { bytesOf, requireObject, requireOptions, requireString } from '../core/arguments';
import type { RawVersion } from '../raw/values';
import { BY_NAME, CLASSES, type Component, PLAIN, RULES, type Rule, SCHEME, uriError } from './grammar';
import { parseUri } from './parse';
import type { Pkcs11Uri } from './types';

const encodeByte = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

function encodeText(value: unknown, component: Component, attribute: string): string {
  requireString(value, `${attribute} of a PKCS#11 URI`);
  if (Buffer.from(value).toString() !== value) throw uriError(`${attribute} is not well-formed Unicode`);
  return Array.from(Buffer.from(value), (byte) => {
    const char = String.fromCharCode(byte);
    return byte < 0x80 && PLAIN[component].test(char) ? char : encodeByte(byte);
  }).join('');
}

function encode(value: unknown, { name, component, type }: Rule): string {
  switch (type) {
    case 'text':
      return encodeText(value, component, name);
    case 'bytes':
      return Array.from(bytesOf(value, `${name} of a PKCS#11 URI`), encodeByte).join('');
    case 'number':
      return String(value);
    case 'version': {
      requireOptions(value, 'the parts of library.version', ['major', 'minor']);
      const { major, minor } = value as RawVersion;
      return `${major}.${minor}`;
    }
    case 'class': {
      const typeName = [...CLASSES].find(([, objectClass]) => objectClass === value)?.[0];
      if (typeName === undefined) {
        throw uriError(
          `RFC 7512 has a type for these classes of objects only: ${[...CLASSES.values()].join(', ')}`,
        );
      }
      return typeName;
    }
  }
}

/** The members of a URI, each with the members that it has; undefined if it is a value. */
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
 * Writes a PKCS#11 URI in its canonical form: attributes in the order of RFC 7512's grammar, then vendor attributes by name;
 * percent-encoding only if necessary, except for id, all bytes of which are encoded; a version as major.minor. The result
 * contains the PIN of `pinValue`.
 * @throws ERR_CRYPTOKI_URI for a value that a URI cannot contain; TypeError ERR_INVALID_ARG_TYPE; TypeError
 *   ERR_INVALID_ARG_VALUE for a member that a URI does not have
 */
export function formatUri(uri: Partial<Pkcs11Uri>): string {
  requireObject(uri, 'a parsed PKCS#11 URI');
  for (const name of Object.keys(uri)) {
    if (!MEMBERS.has(name)) throw unknownName('member', name, MEMBERS.keys(), { place: ' of a PKCS#11 URI' });
    const known = MEMBERS.get(name);
    const part = (uri as Record<string, unknown>)[name];
    if (known !== undefined && part !== undefined) requireOptions(part, `the parts of ${name}`, known);
  }
  const parts: Record<Component, string[]> = { path: [], query: [] };
  for (const rule of RULES) {
    const group = (rule.group === '' ? uri : uri[rule.group]) as Record<string, unknown> | undefined;
    const value = group?.[rule.member];
    if (value !== undefined) parts[rule.component].push(`${rule.name}=${encode(value, rule)}`);
  }
  for (const component of ['path', 'query'] as const) {
    for (const [name, values] of Object.entries(uri.vendor?.[component] ?? {}).sort(([a], [b]) =>
      a < b ? -1 : 1,
    )) {
      if (BY_NAME.has(name.toLowerCase())) throw uriError(`${name.toLowerCase()} is not a vendor attribute`);
      for (const value of [values].flat()) {
        parts[component].push(`${name}=${encodeText(value, component, 'a vendor attribute')}`);
      }
    }
  }
  const text = `${SCHEME}${parts.path.join(';')}${parts.query.length > 0 ? '?' : ''}${parts.query.join('&')}`;
  parseUri(text); // checks length, NUL, numbers, names and the two forms of a PIN
  return text;
}

/** Returns true if two URIs are equivalent (RFC 7512, section 2.6): the same attributes with the same values, in any order. */
export function equalUris(a: Partial<Pkcs11Uri>, b: Partial<Pkcs11Uri>): boolean {
  return formatUri(a) === formatUri(b);
}
