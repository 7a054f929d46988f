import { argumentError, isBytes, requireObject, requireOptions } from './arguments';
import { CryptokiError } from './errors';
import type { ModuleInfo } from './module';
import type { ObjectClass } from './objects/storage-object';
import type { RawVersion } from './raw/types';
import type { SlotInfo } from './slot';
import type { Token } from './token';

/** A PKCS#11 URI (RFC 7512). What the URI does not name is absent, and anything fits there. */
export interface Pkcs11Uri {
  /** token, manufacturer, serial, model and slot-id: a TokenSelector. */
  readonly token: {
    readonly label?: string;
    readonly manufacturer?: string;
    readonly serialNumber?: string;
    readonly model?: string;
    /** slot-id. Many modules number slots anew at each start. */
    readonly slot?: bigint;
  };
  /** library-manufacturer, library-description and library-version, as in C_GetInfo. */
  readonly library: {
    readonly manufacturer?: string;
    readonly description?: string;
    readonly version?: Readonly<RawVersion>;
  };
  /** slot-description and slot-manufacturer, as in C_GetSlotInfo. */
  readonly slot: { readonly description?: string; readonly manufacturer?: string };
  /** object, type and id: attributes to search by. */
  readonly object: { readonly label?: string; readonly class?: ObjectClass; readonly id?: Buffer };
  /** pin-source: where the PIN is. */
  readonly pinSource?: string | undefined;
  /** pin-value: the PIN itself. Parsed URIs show it neither to util.inspect nor to JSON.stringify, and do not copy it. */
  readonly pinValue?: string | undefined;
  /** module-name: name of the module without path, prefix and suffix. */
  readonly moduleName?: string | undefined;
  /** module-path: the module, or the folder where it is. */
  readonly modulePath?: string | undefined;
  /** Attributes that RFC 7512 does not define; those of the query may come more than once. */
  readonly vendor: {
    readonly path: Readonly<Record<string, string>>;
    readonly query: Readonly<Record<string, readonly string[]>>;
  };
}

/** What a URI is matched against: a Token, and what info() of a module or a slot says, fit as they are. */
export interface UriResource {
  readonly library?: Pick<ModuleInfo, 'manufacturer' | 'description' | 'libraryVersion'> | undefined;
  readonly slot?: (Pick<SlotInfo, 'description' | 'manufacturer'> & { readonly id?: bigint }) | undefined;
  readonly token?:
    | (Pick<Token, 'label' | 'serialNumber' | 'model' | 'manufacturer'> & {
        readonly slot?: { readonly id: bigint };
      })
    | undefined;
  readonly object?:
    | {
        readonly label?: string | undefined;
        readonly class?: ObjectClass | undefined;
        readonly id?: Buffer | undefined;
      }
    | undefined;
  /** Vendor attributes of the path that the caller knows. Others fit nothing (RFC 7512, section 2.5). */
  readonly vendor?: Readonly<Record<string, string>> | undefined;
}

type Kind = 'text' | 'bytes' | 'class' | 'number' | 'version';
type Where = 'path' | 'query';

interface Rule {
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
const RULES: readonly Rule[] = [
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
const BY_NAME: ReadonlyMap<string, Rule> = new Map(RULES.map((each) => [each.name, each]));

const CLASSES: ReadonlyMap<string, ObjectClass> = new Map([
  ['public', 'PUBLIC_KEY'],
  ['private', 'PRIVATE_KEY'],
  ['cert', 'CERTIFICATE'],
  ['secret-key', 'SECRET_KEY'],
  ['data', 'DATA'],
]);

const SCHEME = 'pkcs11:';
const MAX_LENGTH = 0xffff;
const MAX_ULONG = 0xffff_ffff_ffff_ffffn;
const PLAIN = { path: /[\w\-.~:[\]@!$'()*+,=&]/, query: /[\w\-.~:[\]@!$'()*+,=/?|]/ } as const;

/** Says where, and never what stands there: it could be a PIN. */
const uriError = (what: string, position?: number): CryptokiError =>
  new CryptokiError({
    code: 'ERR_CRYPTOKI_URI',
    detail: `${position === undefined ? 'PKCS#11 URI' : `PKCS#11 URI, position ${position}`}: ${what}`,
  });

/** Undoes the percent-encoding of text[start, end). */
function decode(text: string, start: number, end: number, where: Where, called: string): Buffer {
  const bytes: number[] = [];
  for (let at = start; at < end; at++) {
    const char = text.charAt(at);
    if (char === '%') {
      const digits = text.slice(at + 1, Math.min(at + 3, end));
      if (!/^[\da-f]{2}$/i.test(digits)) {
        throw uriError(`${called}: % must be followed by two hexadecimal digits; % itself is %25`, at);
      }
      bytes.push(Number.parseInt(digits, 16));
      at += 2;
    } else if (PLAIN[where].test(char)) {
      bytes.push(char.charCodeAt(0));
    } else {
      throw uriError(`${called}: this character must be percent-encoded (a space is %20)`, at);
    }
  }
  return Buffer.from(bytes);
}

function toText(bytes: Buffer, called: string, position: number): string {
  if (bytes.includes(0)) throw uriError(`${called} must not contain NUL (%00)`, position);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw uriError(`${called} must be UTF-8, percent-encoded`, position);
  }
}

function toVersion(raw: string, position: number): RawVersion {
  const [, major, minor] = /^(\d+)(?:\.(\d+))?$/.exec(raw) ?? [];
  const version = { major: Number(major), minor: Number(minor ?? 0) };
  if (version.major <= 255 && version.minor <= 255) return version;
  throw uriError('library-version must be one or two numbers up to 255, such as 3 or 3.1', position);
}

function toValue(text: string, start: number, end: number, { name, where, kind }: Rule): unknown {
  const raw = text.slice(start, end);
  switch (kind) {
    case 'text':
      return toText(decode(text, start, end, where, name), name, start);
    case 'bytes':
      return decode(text, start, end, where, name);
    case 'version':
      return Object.freeze(toVersion(raw, start));
    case 'number':
      if (/^\d+$/.test(raw) && raw.length <= 64 && BigInt(raw) <= MAX_ULONG) return BigInt(raw);
      throw uriError(`${name} must be a decimal number of up to 64 bits`, start);
    case 'class': {
      const objectClass = CLASSES.get(raw.toLowerCase());
      if (objectClass !== undefined) return objectClass;
      throw uriError(`${name} must be one of ${[...CLASSES.keys()].join(', ')}`, start);
    }
  }
}

type Draft = Record<Rule['group'], Record<string, unknown>> & {
  readonly path: Record<string, string>;
  readonly query: Record<string, string[]>;
};

/** The result of parseUri. A class, so that the PIN can be private. */
class ParsedUri implements Pkcs11Uri {
  declare readonly token: Pkcs11Uri['token'];
  declare readonly library: Pkcs11Uri['library'];
  declare readonly slot: Pkcs11Uri['slot'];
  declare readonly object: Pkcs11Uri['object'];
  declare readonly vendor: Pkcs11Uri['vendor'];
  readonly #pinValue: string | undefined;

  constructor({ token, library, slot, object, path, query, '': { pinValue, ...rest } }: Draft) {
    for (const part of [token, library, slot, object, path, query, ...Object.values(query)])
      Object.freeze(part);
    Object.assign(this, { token, library, slot, object, ...rest, vendor: Object.freeze({ path, query }) });
    this.#pinValue = pinValue as string | undefined;
    Object.freeze(this);
  }

  get pinValue(): string | undefined {
    return this.#pinValue;
  }
}

function parseAttribute(text: string, start: number, end: number, where: Where, draft: Draft): void {
  const equals = text.slice(start, end).indexOf('=');
  if (equals < 0) throw uriError(`the ${where} has an attribute without "="`, start);
  const name = text.slice(start, start + equals);
  const value = start + equals + 1;
  const known = BY_NAME.get(name.toLowerCase());
  if (known !== undefined) {
    if (known.where !== where) {
      const place = known.where === 'query' ? 'the query, after "?"' : 'the path, before "?"';
      throw uriError(`${known.name} belongs in ${place}`, start);
    }
    const group = draft[known.group];
    if (known.member in group) throw uriError(`${known.name} is there twice`, start);
    group[known.member] = toValue(text, value, end, known);
    return;
  }
  // What looks like a name in the query can be the rest of a PIN with an "&" in it.
  const called = where === 'path' && /^[\w-]+$/.test(name) ? name : `a vendor attribute of the ${where}`;
  if (!/^[\w-]+$/.test(name)) throw uriError(`${called} needs a name of letters, digits, - and _`, start);
  const vendor = toText(decode(text, value, end, where, called), called, value);
  if (where === 'query') {
    draft.query[name] ??= [];
    draft.query[name].push(vendor);
  } else {
    if (name in draft.path) throw uriError(`${called} is there twice`, start);
    draft.path[name] = vendor;
  }
}

/**
 * Parses a PKCS#11 URI (RFC 7512, section 2.3). Names of attributes and types are taken in any case. Without attributes
 * it stands for everything.
 * @throws ERR_CRYPTOKI_URI, which names the attribute and the position (from 0), never a value
 */
export function parseUri(text: string): Pkcs11Uri {
  if (typeof text !== 'string') throw argumentError(TypeError, 'a PKCS#11 URI must be a string');
  if (text.length > MAX_LENGTH) throw uriError(`it is longer than ${MAX_LENGTH} characters`);
  if (text.slice(0, SCHEME.length).toLowerCase() !== SCHEME)
    throw uriError(`it must begin with "${SCHEME}"`, 0);
  const bare = <Value>(): Record<string, Value> => Object.create(null) as Record<string, Value>;
  const draft: Draft = { token: {}, library: {}, slot: {}, object: {}, '': {}, path: bare(), query: bare() };
  const mark = text.indexOf('?');
  const parts: [Where, string, number, number][] = [
    ['path', ';', SCHEME.length, mark < 0 ? text.length : mark],
    ['query', '&', mark < 0 ? text.length : mark + 1, text.length],
  ];
  for (const [where, separator, start, end] of parts) {
    if (start === end) continue;
    let at = start;
    for (const attribute of text.slice(start, end).split(separator)) {
      parseAttribute(text, at, at + attribute.length, where, draft);
      at += attribute.length + 1;
    }
  }
  const { pinSource, pinValue } = draft[''];
  if (pinSource !== undefined && pinValue !== undefined) {
    throw uriError('pin-source and pin-value must not be given both', mark + 1);
  }
  return new ParsedUri(draft);
}

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
      return Array.from(
        ArrayBuffer.isView(value)
          ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
          : new Uint8Array(value),
        encodeByte,
      ).join('');
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

/**
 * Writes a PKCS#11 URI in its canonical form: attributes in the order of RFC 7512's grammar, then vendor attributes by
 * name; percent-encoding only where it is needed, but for id, which is all encoded; a version as major.minor.
 * The PIN of `pinValue` is in the result.
 * @throws ERR_CRYPTOKI_URI for what cannot stand in a URI; TypeError ERR_INVALID_ARG_TYPE
 */
export function formatUri(uri: Partial<Pkcs11Uri>): string {
  requireObject(uri, 'a parsed PKCS#11 URI');
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

/**
 * Whether a resource fits a URI (RFC 7512, section 2.5). Every part of the resource that is given is compared: each
 * attribute that the URI names for it must be equal. Parts that are not given do not count: a token alone is not asked for
 * its slot's description. The query says nothing about what fits.
 */
export function matchesUri(uri: Pkcs11Uri, resource: UriResource): boolean {
  const { library, slot, token, object, vendor = {} } = resource;
  const fits = (wanted: object, actual: object): boolean =>
    Object.entries(wanted).every(([name, value]) => {
      const other = (actual as Record<string, unknown>)[name];
      return Buffer.isBuffer(value) ? Buffer.isBuffer(other) && value.equals(other) : value === other;
    });
  const { slot: slotId, ...tokenTexts } = uri.token;
  const { version, ...libraryTexts } = uri.library;
  const isSlot = slotId === undefined || slotId === (slot?.id ?? token?.slot?.id);
  return (
    (library === undefined || (fits(libraryTexts, library) && fits(version ?? {}, library.libraryVersion))) &&
    ((slot === undefined && token === undefined) || isSlot) &&
    (slot === undefined || fits(uri.slot, slot)) &&
    (token === undefined || fits(tokenTexts, token)) &&
    (object === undefined || fits(uri.object, object)) &&
    fits(uri.vendor.path, vendor)
  );
}
