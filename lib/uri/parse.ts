import { type InspectOptions, inspect } from 'node:util';
import { argumentError } from '../core/arguments';
import type { RawVersion } from '../raw/values';
import {
  BY_NAME,
  CLASSES,
  MAX_LENGTH,
  MAX_ULONG,
  PLAIN,
  type Rule,
  SCHEME,
  uriError,
  type Where,
} from './grammar';
import type { Pkcs11Uri } from './types';

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

  /** For util.inspect, whose options can ask for getters. */
  [inspect.custom](depth: number | null, options: InspectOptions): string {
    if (depth !== null && depth < 0) return '[Pkcs11Uri]';
    return `Pkcs11Uri ${inspect(this.#redacted(), { ...options, depth })}`;
  }

  /** For JSON.stringify. JSON has no bigint: the number of the slot is text. */
  toJSON(): object {
    const { slot, ...token } = this.token;
    return {
      ...this.#redacted(),
      token: slot === undefined ? token : { ...token, slot: String(slot) },
    };
  }

  #redacted(): object {
    return { ...this, ...(this.#pinValue === undefined ? {} : { pinValue: '(redacted)' }) };
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
