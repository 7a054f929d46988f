import { type InspectOptions, inspect } from 'node:util';
import { requireString } from '../core/arguments';
import type { RawVersion } from '../raw/values';
import {
  BY_NAME,
  CLASSES,
  type Component,
  MAX_LENGTH,
  MAX_ULONG,
  PLAIN,
  type Rule,
  SCHEME,
  uriError,
} from './grammar';
import type { Pkcs11Uri } from './types';

/** Decodes the percent-encoding of text[start, end). */
function decode(text: string, start: number, end: number, component: Component, attribute: string): Buffer {
  const bytes: number[] = [];
  for (let position = start; position < end; position++) {
    const char = text.charAt(position);
    if (char === '%') {
      const digits = text.slice(position + 1, Math.min(position + 3, end));
      if (!/^[\da-f]{2}$/i.test(digits)) {
        throw uriError(
          `${attribute}: % must be followed by two hexadecimal digits; write % itself as %25`,
          position,
        );
      }
      bytes.push(Number.parseInt(digits, 16));
      position += 2;
    } else if (PLAIN[component].test(char)) {
      bytes.push(char.charCodeAt(0));
    } else {
      throw uriError(`${attribute}: this character must be percent-encoded (a space is %20)`, position);
    }
  }
  return Buffer.from(bytes);
}

function toText(bytes: Buffer, attribute: string, position: number): string {
  if (bytes.includes(0)) throw uriError(`${attribute} must not contain NUL (%00)`, position);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw uriError(`${attribute} must be UTF-8, percent-encoded`, position);
  }
}

function toVersion(raw: string, position: number): RawVersion {
  const [, major, minor] = /^(\d+)(?:\.(\d+))?$/.exec(raw) ?? [];
  const version = { major: Number(major), minor: Number(minor ?? 0) };
  if (version.major <= 255 && version.minor <= 255) return version;
  throw uriError('library-version must be one or two numbers up to 255, such as 3 or 3.1', position);
}

function toValue(text: string, start: number, end: number, { name, component, type }: Rule): unknown {
  const raw = text.slice(start, end);
  switch (type) {
    case 'text':
      return toText(decode(text, start, end, component, name), name, start);
    case 'bytes':
      return decode(text, start, end, component, name);
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

/** The result of parseUri. It is a class, so that the PIN can be a private field. */
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

  /** Used by util.inspect, which can be set to show getters. */
  [inspect.custom](depth: number | null, options: InspectOptions): string {
    if (depth !== null && depth < 0) return '[Pkcs11Uri]';
    return `Pkcs11Uri ${inspect(this.#redacted(), { ...options, depth })}`;
  }

  /** Used by JSON.stringify. JSON has no bigint, so the number of the slot is text. */
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

function parseAttribute(text: string, start: number, end: number, component: Component, draft: Draft): void {
  const equals = text.slice(start, end).indexOf('=');
  if (equals < 0) throw uriError(`the ${component} has an attribute without "="`, start);
  const name = text.slice(start, start + equals);
  const value = start + equals + 1;
  const known = BY_NAME.get(name.toLowerCase());
  if (known !== undefined) {
    if (known.component !== component) {
      const place = known.component === 'query' ? 'the query, after "?"' : 'the path, before "?"';
      throw uriError(`${known.name} belongs in ${place}`, start);
    }
    const group = draft[known.group];
    if (known.member in group) throw uriError(`${known.name} occurs twice`, start);
    group[known.member] = toValue(text, value, end, known);
    return;
  }
  // Text in the place of a name in the query can be the rest of a PIN that contains an "&".
  const attribute =
    component === 'path' && /^[\w-]+$/.test(name) ? name : `a vendor attribute of the ${component}`;
  if (!/^[\w-]+$/.test(name)) throw uriError(`${attribute} needs a name of letters, digits, - and _`, start);
  const vendor = toText(decode(text, value, end, component, attribute), attribute, value);
  if (component === 'query') {
    draft.query[name] ??= [];
    draft.query[name].push(vendor);
  } else {
    if (name in draft.path) throw uriError(`${attribute} occurs twice`, start);
    draft.path[name] = vendor;
  }
}

/**
 * Parses a PKCS#11 URI (RFC 7512, section 2.3). Names of attributes and types may have upper or lower case. A URI without
 * attributes matches everything.
 * @throws ERR_CRYPTOKI_URI, which names the attribute and the position (from 0), but no value; TypeError ERR_INVALID_ARG_TYPE
 */
export function parseUri(text: string): Pkcs11Uri {
  requireString(text, 'a PKCS#11 URI');
  if (text.length > MAX_LENGTH) throw uriError(`the text is longer than ${MAX_LENGTH} characters`);
  if (text.slice(0, SCHEME.length).toLowerCase() !== SCHEME)
    throw uriError(`the text must begin with "${SCHEME}"`, 0);
  const bare = <Value>(): Record<string, Value> => Object.create(null) as Record<string, Value>;
  const draft: Draft = { token: {}, library: {}, slot: {}, object: {}, '': {}, path: bare(), query: bare() };
  const questionMark = text.indexOf('?');
  const parts: [Component, string, number, number][] = [
    ['path', ';', SCHEME.length, questionMark < 0 ? text.length : questionMark],
    ['query', '&', questionMark < 0 ? text.length : questionMark + 1, text.length],
  ];
  for (const [component, separator, start, end] of parts) {
    if (start === end) continue;
    let position = start;
    for (const attribute of text.slice(start, end).split(separator)) {
      parseAttribute(text, position, position + attribute.length, component, draft);
      position += attribute.length + 1;
    }
  }
  const { pinSource, pinValue } = draft[''];
  if (pinSource !== undefined && pinValue !== undefined) {
    throw uriError('pin-source and pin-value exclude each other', questionMark + 1);
  }
  return new ParsedUri(draft);
}
