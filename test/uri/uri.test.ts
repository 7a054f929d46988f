import { randomInt } from 'node:crypto';
import { format, inspect } from 'node:util';
import { equalUris, formatUri, Module, matchesUri, type Pkcs11Uri, parseUri } from 'cryptoki';
import { describe, expect, test } from 'vitest';
import { createToken } from '../support/token';

const uri = (parts: Partial<Pkcs11Uri>): Pkcs11Uri => ({
  token: {},
  library: {},
  slot: {},
  object: {},
  vendor: { path: {}, query: {} },
  ...parts,
});

/** All members, including the PIN, which a parsed URI hides. */
const whole = (parsed: Pkcs11Uri): Pkcs11Uri => ({
  ...parsed,
  ...(parsed.pinValue !== undefined && { pinValue: parsed.pinValue }),
});

/** Each example of RFC 7512, section 3, with its members and its canonical form if that differs. */
const EXAMPLES: [text: string, parts: Partial<Pkcs11Uri>, canonical?: string][] = [
  ['pkcs11:', {}],
  ['pkcs11:object=my-pubkey;type=public', { object: { label: 'my-pubkey', class: 'PUBLIC_KEY' } }],
  [
    'pkcs11:object=my-key;type=private?pin-source=file:/etc/token',
    { object: { label: 'my-key', class: 'PRIVATE_KEY' }, pinSource: 'file:/etc/token' },
  ],
  [
    'pkcs11:object=my-key;type=private?pin-source=|/usr/lib/pinomatic',
    { object: { label: 'my-key', class: 'PRIVATE_KEY' }, pinSource: '|/usr/lib/pinomatic' },
  ],
  [
    'pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;' +
      'object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin',
    {
      token: {
        label: 'The Software PKCS#11 Softtoken',
        manufacturer: 'Snake Oil, Inc.',
        serialNumber: '',
        model: '1.0',
      },
      object: {
        label: 'my-certificate',
        class: 'CERTIFICATE',
        id: Buffer.from('69953e5cf4bdec91', 'hex'),
      },
      pinSource: 'file:/etc/token_pin',
    },
    'pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;serial=;model=1.0;' +
      'object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91?pin-source=file:/etc/token_pin',
  ],
  [
    'pkcs11:object=my-sign-key;type=private?module-name=mypkcs11',
    { object: { label: 'my-sign-key', class: 'PRIVATE_KEY' }, moduleName: 'mypkcs11' },
  ],
  [
    'pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1',
    { object: { label: 'my-sign-key', class: 'PRIVATE_KEY' }, modulePath: '/mnt/libmypkcs11.so.1' },
  ],
  [
    'pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.?pin-value=the-pin',
    {
      token: { label: 'Software PKCS#11 softtoken', manufacturer: 'Snake Oil, Inc.' },
      pinValue: 'the-pin',
    },
  ],
  ['pkcs11:slot-description=Sun%20Metaslot', { slot: { description: 'Sun Metaslot' } }],
  [
    'pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;library-description=Soft%20Token%20Library;library-version=1.23',
    {
      library: {
        manufacturer: 'Snake Oil, Inc.',
        description: 'Soft Token Library',
        version: { major: 1, minor: 23 },
      },
    },
    'pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;library-version=1.23;library-description=Soft%20Token%20Library',
  ],
  [
    'pkcs11:token=My%20token%25%20created%20by%20Joe;library-version=3;id=%01%02%03%Ba%dd%Ca%fe%04%05%06',
    {
      token: { label: 'My token% created by Joe' },
      library: { version: { major: 3, minor: 0 } },
      object: { id: Buffer.from('010203baddcafe040506', 'hex') },
    },
    'pkcs11:token=My%20token%25%20created%20by%20Joe;library-version=3.0;id=%01%02%03%BA%DD%CA%FE%04%05%06',
  ],
  [
    'pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=my-certificate;type=cert',
    {
      token: { label: 'A name with a substring %;' },
      object: { label: 'my-certificate', class: 'CERTIFICATE' },
    },
  ],
  [
    'pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1;object=my-certificate;type=cert',
    {
      token: { label: 'Name with a small A with acute: á' },
      object: { label: 'my-certificate', class: 'CERTIFICATE' },
    },
  ],
  [
    'pkcs11:token=my-token;object=my-certificate;type=cert;vendor-aaa=value-a?pin-source=file:/etc/token_pin&vendor-bbb=value-b',
    {
      token: { label: 'my-token' },
      object: { label: 'my-certificate', class: 'CERTIFICATE' },
      pinSource: 'file:/etc/token_pin',
      vendor: { path: { 'vendor-aaa': 'value-a' }, query: { 'vendor-bbb': ['value-b'] } },
    },
  ],
];

describe('parseUri() and formatUri()', () => {
  test.each(EXAMPLES)('read and write the example %s', (text, parts, canonical = text) => {
    expect(whole(parseUri(text))).toEqual(uri(parts));
    expect(formatUri(parseUri(text))).toBe(canonical);
    expect(formatUri(parts)).toBe(canonical);
  });

  test('accept names and types in any case, and all characters that need no encoding', () => {
    expect(parseUri('PKCS11:TYPE=Secret-Key;Token=a').object).toEqual({ class: 'SECRET_KEY' });
    const text = "pkcs11:token=:[]@!$'()*+,=&-._~?module-name=:[]@!$'()*+,=/?|-._~";
    const parsed = parseUri(text);
    expect(parsed.token.label).toBe(":[]@!$'()*+,=&-._~");
    expect(parsed.moduleName).toBe(":[]@!$'()*+,=/?|-._~");
    expect(formatUri(parsed)).toBe(text);
    expect(parseUri('pkcs11:?').token).toEqual({});
  });

  test('keep the largest slot-id, and bytes of id that are not UTF-8', () => {
    const { token, object } = parseUri('pkcs11:slot-id=18446744073709551615;id=a%00%FF%C3');
    expect(token).toEqual({ slot: 0xffff_ffff_ffff_ffffn });
    expect(object.id).toEqual(Buffer.from([0x61, 0, 0xff, 0xc3]));
  });

  test('keep repeated vendor attributes of the query in their order', () => {
    const parsed = parseUri('pkcs11:?x_y=2&x_y=1&__proto__=a');
    expect(Object.entries(parsed.vendor.query)).toEqual([
      ['x_y', ['2', '1']],
      ['__proto__', ['a']],
    ]);
    expect(formatUri(parsed)).toBe('pkcs11:?__proto__=a&x_y=2&x_y=1');
  });

  const refused: [text: string, position: number | undefined, message: RegExp][] = [
    ['http://x', 0, /must begin with "pkcs11:"/],
    ['pkcs11:token=a;token=b', 15, /token occurs twice/],
    ['pkcs11:token=a;TOKEN=b', 15, /token occurs twice/],
    ['pkcs11:x-a=a;x-a=b', 13, /x-a occurs twice/],
    ['pkcs11:?pin-source=/a&pin-source=/b', 22, /pin-source occurs twice/],
    ['pkcs11:?pin-source=/a&pin-value=1234', 8, /pin-source and pin-value/],
    ['pkcs11:token=a%2', 14, /token: % must be followed/],
    ['pkcs11:token=a%;object=b', 14, /token: % must be followed/],
    ['pkcs11:object=%g0', 14, /object: % must be followed/],
    ['pkcs11:token=My Token', 15, /token: .*must be percent-encoded/],
    ['pkcs11:token=á', 13, /token: .*must be percent-encoded/],
    ['pkcs11:token=a/b', 14, /token: .*must be percent-encoded/],
    ['pkcs11:id=%00;token=a#b', 21, /token: .*must be percent-encoded/],
    ['pkcs11:token=%C3', 13, /token must be UTF-8/],
    ['pkcs11:token=%ED%A0%80', 13, /token must be UTF-8/],
    ['pkcs11:token=a%00', 13, /token must not contain NUL/],
    ['pkcs11:token=a;', 15, /path has an attribute without "="/],
    ['pkcs11:token', 7, /path has an attribute without "="/],
    ['pkcs11:=a', 7, /needs a name/],
    ['pkcs11:a.b=c', 7, /needs a name/],
    ['pkcs11:pin-value=1234', 7, /pin-value belongs in the query/],
    ['pkcs11:?token=a', 8, /token belongs in the path/],
    ['pkcs11:type=key', 12, /type must be one of public, private, cert, secret-key, data/],
    ['pkcs11:type=', 12, /type must be one of/],
    ['pkcs11:slot-id=', 15, /slot-id must be a decimal number/],
    ['pkcs11:slot-id=-1', 15, /slot-id must be a decimal number/],
    ['pkcs11:slot-id=18446744073709551616', 15, /slot-id must be a decimal number/],
    ['pkcs11:library-version=', 23, /library-version must be/],
    ['pkcs11:library-version=1.', 23, /library-version must be/],
    ['pkcs11:library-version=1.2.3', 23, /library-version must be/],
    ['pkcs11:library-version=256', 23, /library-version must be/],
    ['pkcs11:library-version=1.256', 23, /library-version must be/],
    [`pkcs11:object=${'a'.repeat(0x10000)}`, undefined, /longer than 65535 characters/],
  ];
  test.each(refused)('refuse %s', (text, position, message) => {
    const error = thrown(() => parseUri(text));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_URI', message: expect.stringMatching(message) });
    expect(/position (\d+)/.exec(error.message)?.[1]).toBe(position?.toString());
  });

  test.each<[string, Partial<Pkcs11Uri>, string]>([
    ['a class without a type', { object: { class: 'HW_FEATURE' } }, 'ERR_CRYPTOKI_URI'],
    ['more than a URI can hold', { object: { label: 'é'.repeat(11_000) } }, 'ERR_CRYPTOKI_URI'],
    ['half a surrogate pair', { object: { label: '\ud800' } }, 'ERR_CRYPTOKI_URI'],
    ['NUL', { object: { label: '\0' } }, 'ERR_CRYPTOKI_URI'],
    ['a PIN and its source', { pinValue: '1234', pinSource: '/a' }, 'ERR_CRYPTOKI_URI'],
    ['a negative slot', { token: { slot: -1n } }, 'ERR_CRYPTOKI_URI'],
    ['a version that is none', { library: { version: { major: 1.5, minor: 0 } } }, 'ERR_CRYPTOKI_URI'],
    [
      'a vendor attribute with a known name',
      { vendor: { path: { Token: 'a' }, query: {} } },
      'ERR_CRYPTOKI_URI',
    ],
    [
      'a vendor attribute with a bad name',
      { vendor: { path: { 'a;b': 'a' }, query: {} } },
      'ERR_CRYPTOKI_URI',
    ],
    ['a label that is no string', { token: { label: 1 as unknown as string } }, 'ERR_INVALID_ARG_TYPE'],
    ['an id that is no bytes', { object: { id: 'a' as unknown as Buffer } }, 'ERR_INVALID_ARG_TYPE'],
  ])('do not write %s', (_, parts, code) => {
    expect(thrown(() => formatUri(parts))).toMatchObject({ code });
  });

  test('refuse arguments that are not a text or an object', () => {
    expect(thrown(() => parseUri(1234 as unknown as string))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(thrown(() => formatUri('pkcs11:' as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });
});

test('a parsed URI with the number of a slot can be JSON', () => {
  const parsed = parseUri('pkcs11:slot-id=18446744073709551615;token=a');
  expect(JSON.parse(JSON.stringify(parsed))).toMatchObject({
    token: { label: 'a', slot: '18446744073709551615' },
  });
  expect(inspect(parsed)).toContain('slot: 18446744073709551615n');
  expect(inspect({ parsed }, { depth: 0 })).toContain('parsed: [Pkcs11Uri]');
});

describe('the PIN of a URI', () => {
  const PIN = '73577357';
  test('is visible only in its member and in the result of formatUri()', () => {
    const parsed = parseUri(`pkcs11:token=a?pin-value=${PIN}&module-name=b`);
    expect(parsed.pinValue).toBe(PIN);
    for (const depth of [0, 1, null]) {
      for (const getters of [false, true, 'get'] as const) {
        for (const it of [parsed, { parsed }, [parsed]]) {
          expect(inspect(it, { depth, showHidden: true, getters })).not.toContain(PIN);
        }
      }
    }
    expect(format('%o %O %j %s', parsed, parsed, parsed, parsed)).not.toContain(PIN);
    expect(inspect(parsed)).toContain("pinValue: '(redacted)'");
    expect(JSON.parse(JSON.stringify(parsed))).toMatchObject({ moduleName: 'b', pinValue: '(redacted)' });
    expect(inspect(parseUri('pkcs11:'))).not.toContain('pinValue');
    expect(JSON.stringify(parsed)).not.toContain(PIN);
    expect(JSON.stringify({ ...parsed })).not.toContain(PIN);
    expect(String(parsed)).not.toContain(PIN);
    expect(() => expect(parsed).toEqual({})).toThrow(expect.not.stringContaining(PIN));
    expect(formatUri(parsed)).toContain(PIN);
  });

  test.each([
    `pkcs11:?pin-value=${PIN}%`,
    `pkcs11:?pin-value=${PIN}%00`,
    `pkcs11:?pin-value=${PIN}%FF`,
    `pkcs11:?pin-value=${PIN} `,
    `pkcs11:?pin-value=${PIN}#`,
    `pkcs11:?pin-value=1&${PIN}`,
    `pkcs11:?pin-value=1&${PIN}=%`,
    `pkcs11:?pin-value=1&${PIN}!=a`,
    `pkcs11:?pin-value=${PIN}&pin-source=/a`,
    `pkcs11:?pin-value=${PIN}&pin-value=${PIN}`,
    `pkcs11:pin-value=${PIN}`,
    `pkcs11:token=a&pin-value=${PIN}?%`,
    `http:${PIN}`,
  ])('is not in the error for %s', (text) => {
    const error = thrown(() => parseUri(text));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_URI' });
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain(PIN);
  });
});

describe('any URI', () => {
  const pick = <Item>(items: readonly Item[]): Item => items[randomInt(items.length)] as Item;
  const CHARS = [...'aZ09-._~:[]@!$\'()*+,=&;/?#|%\\"<> \u00e1\u20ac\u{1f511}\u0301\ufeff\u0001\u007f'];
  const text = () => Array.from({ length: randomInt(12) }, () => pick(CHARS)).join('');
  const maybe = <Part extends object>(make: () => Part): Part | Record<string, never> =>
    randomInt(2) ? make() : {};
  const name = () => `${pick(['x', 'vendor', '__proto__', 'Az_09'])}-${randomInt(3)}`;

  function anyUri(): Pkcs11Uri {
    return uri({
      token: {
        ...maybe(() => ({ label: text() })),
        ...maybe(() => ({ manufacturer: text() })),
        ...maybe(() => ({ serialNumber: text() })),
        ...maybe(() => ({ model: text() })),
        ...maybe(() => ({ slot: pick([0n, 7n, 2n ** 53n + 1n, 2n ** 64n - 1n]) })),
      },
      library: {
        ...maybe(() => ({ manufacturer: text() })),
        ...maybe(() => ({ description: text() })),
        ...maybe(() => ({ version: { major: randomInt(256), minor: randomInt(256) } })),
      },
      slot: { ...maybe(() => ({ description: text() })), ...maybe(() => ({ manufacturer: text() })) },
      object: {
        ...maybe(() => ({ label: text() })),
        ...maybe(() => ({
          class: pick(['PUBLIC_KEY', 'PRIVATE_KEY', 'CERTIFICATE', 'SECRET_KEY', 'DATA'] as const),
        })),
        ...maybe(() => ({ id: Buffer.from(Array.from({ length: randomInt(9) }, () => randomInt(256))) })),
      },
      ...pick<() => Partial<Pkcs11Uri>>([
        () => ({}),
        () => ({ pinSource: text() }),
        () => ({ pinValue: text() }),
      ])(),
      ...maybe(() => ({ moduleName: text() })),
      ...maybe(() => ({ modulePath: text() })),
      vendor: {
        path: maybe(() => ({ [name()]: text(), [name()]: text() })),
        query: maybe(() => ({ [name()]: [text(), text()], [name()]: [text()] })),
      },
    });
  }

  /** The same URI in another form: other order of attributes, other bytes encoded, digits and names in another case. */
  function rewrite(canonical: string): string {
    const cased = (word: string) => (randomInt(2) ? word.toUpperCase() : word);
    const shuffled = (parts: string[]) => {
      const vendor = parts.filter((part) => /^(x|vendor|__proto__|Az_09)-\d/.test(part));
      const known = parts.filter((part) => !vendor.includes(part)).sort(() => randomInt(3) - 1);
      return [...vendor, ...known]; // the order of values of one vendor attribute has a meaning
    };
    const rewritten = (part: string) => {
      const [, attribute = '', value = ''] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
      const known = /^(x|vendor|__proto__|Az_09)-\d/.test(attribute) ? attribute : cased(attribute);
      if (/^(type|slot-id|library-version)$/.test(attribute)) return `${known}=${cased(value)}`;
      const other = value.replace(/%..|[^%]/g, (one) => {
        if (one.startsWith('%')) return randomInt(2) ? one.toLowerCase() : one;
        return randomInt(2) ? `%${one.charCodeAt(0).toString(16).padStart(2, '0')}` : one;
      });
      return `${known}=${other}`;
    };
    const [, path = '', query] = /^pkcs11:([^?]*)(?:\?(.*))?$/s.exec(canonical) ?? [];
    const part = (all: string, separator: string) =>
      all === '' ? '' : shuffled(all.split(separator)).map(rewritten).join(separator);
    return `${cased('pkcs11')}:${part(path, ';')}${query === undefined ? '' : `?${part(query, '&')}`}`;
  }

  test('has the same members in every form, and one canonical form', () => {
    for (let round = 0; round < 2000; round++) {
      const made = anyUri();
      const canonical = formatUri(made);
      expect(canonical).toMatch(/^pkcs11:[\w\-.~:[\]@!$'()*+,=&;%]*(\?[\w\-.~:[\]@!$'()*+,=&/?|%]*)?$/);
      expect(whole(parseUri(canonical)), canonical).toEqual(made);
      const other = rewrite(canonical);
      expect(formatUri(parseUri(other)), other).toBe(canonical);
      expect(equalUris(parseUri(other), made)).toBe(true);
    }
  });

  test('is either parsed or refused with ERR_CRYPTOKI_URI', () => {
    let read = 0;
    for (let round = 0; round < 5000; round++) {
      const canonical = formatUri(anyUri());
      const at = randomInt(7, canonical.length + 1);
      const broken = canonical.slice(0, at) + pick(CHARS) + canonical.slice(at + randomInt(3));
      try {
        parseUri(broken);
        read++;
      } catch (error) {
        expect(error, broken).toMatchObject({ code: 'ERR_CRYPTOKI_URI' });
      }
    }
    expect(read).toBeGreaterThan(100);
    expect(read).toBeLessThan(4900);
  });
});

describe('matchesUri() and equalUris()', () => {
  const token = {
    label: 'payments',
    serialNumber: '1234',
    model: 'v2',
    manufacturer: 'ACME',
    slot: { id: 5n },
  };
  const slot = { id: 5n, description: 'Reader 1', manufacturer: 'Readers' };
  const library = { manufacturer: 'ACME', description: 'Module', libraryVersion: { major: 3, minor: 1 } };
  const object = { class: 'PRIVATE_KEY', label: 'signing', id: Buffer.from([1, 2]) } as const;

  test.each<[string, boolean]>([
    ['pkcs11:', true],
    ['pkcs11:token=payments', true],
    ['pkcs11:token=Payments', false],
    ['pkcs11:token=payment', false],
    ['pkcs11:token=payments;serial=1234;model=v2;manufacturer=ACME', true],
    ['pkcs11:token=payments;serial=', false],
    ['pkcs11:slot-id=5', true],
    ['pkcs11:slot-id=05', true],
    ['pkcs11:slot-id=6', false],
    ['pkcs11:slot-description=Reader%201;slot-manufacturer=Readers', true],
    ['pkcs11:slot-description=Reader%202', false],
    ['pkcs11:library-manufacturer=ACME;library-description=Module;library-version=3.1', true],
    ['pkcs11:library-version=3.01', true],
    ['pkcs11:library-version=3', false],
    ['pkcs11:library-manufacturer=Other', false],
    ['pkcs11:type=private;object=signing;id=%01%02', true],
    ['pkcs11:type=public;object=signing', false],
    ['pkcs11:id=%01', false],
    ['pkcs11:id=', false],
    ['pkcs11:x-vendor=1', true],
    ['pkcs11:x-vendor=2', false],
    ['pkcs11:x-unknown=1', false],
    ['pkcs11:__proto__=1', false],
    ['pkcs11:?x-unknown=1&module-name=other&pin-value=1', true],
  ])('%s matches: %s', (text, fits) => {
    const vendor = { 'x-vendor': '1' };
    expect(matchesUri(parseUri(text), { token, slot, library, object, vendor })).toBe(fits);
  });

  test('compare only the given parts of a resource, and a missing property does not match', () => {
    const all = parseUri('pkcs11:token=payments;slot-id=5;slot-description=x;library-version=9;object=x');
    expect(matchesUri(all, { token })).toBe(true);
    expect(matchesUri(all, { object })).toBe(false);
    const { slot: _, ...homeless } = token;
    expect(matchesUri(all, { token: homeless })).toBe(false);
    expect(matchesUri(parseUri('pkcs11:id=%01'), { object: { label: 'a' } })).toBe(false);
    expect(matchesUri(parseUri('pkcs11:id='), { object: { label: 'a', id: undefined } })).toBe(false);
  });

  test.each<[string, string, boolean]>([
    ['pkcs11:token=a;model=b', 'PKCS11:model=%62;token=%61', true],
    ['pkcs11:id=%ab', 'pkcs11:id=%AB', true],
    ['pkcs11:id=a', 'pkcs11:id=%61', true],
    ['pkcs11:library-version=3', 'pkcs11:library-version=03.0', true],
    ['pkcs11:library-version=3.1', 'pkcs11:library-version=3.10', false],
    ['pkcs11:slot-id=1', 'pkcs11:slot-id=001', true],
    ['pkcs11:token=a', 'pkcs11:token=A', false],
    ['pkcs11:serial=', 'pkcs11:', false],
    ['pkcs11:?x=1&x=2', 'pkcs11:?x=2&x=1', false],
    ['pkcs11:?pin-value=1', 'pkcs11:?pin-value=2', false],
  ])('%s and %s are equal: %s', (a, b, equal) => {
    expect(equalUris(parseUri(a), parseUri(b))).toBe(equal);
  });
});

test('a URI identifies the module, the token and the key', async () => {
  const made = await createToken('uri token');
  try {
    const text = `pkcs11:token=uri%20token;object=signing;type=private;id=%00%FF?module-path=${made.module}&pin-value=${made.pin}`;
    const wanted = parseUri(text);
    await using module = await Module.open(wanted.modulePath ?? '');
    const token = await module.token(wanted.token);
    await using session = await token.openSession({ readWrite: true });
    await session.login(wanted.pinValue ?? null);
    const id = Buffer.from([0, 255]);
    await session.generateKeyPair('EC', { curve: 'P-256', label: 'signing', id });
    await session.generateKeyPair('EC', { curve: 'P-256', label: 'other', id });

    const found = await session.find(wanted.object);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ class: 'PRIVATE_KEY', label: 'signing', id });
    const all = await session.find();
    expect(all.filter((object) => matchesUri(wanted, { token, object }))).toHaveLength(1);

    const [library, slot] = await Promise.all([module.info(), token.slot.info()]);
    const { major, minor } = library.libraryVersion;
    const exact = formatUri({
      token: { label: token.label, serialNumber: token.serialNumber, slot: token.slot.id },
      library: { manufacturer: library.manufacturer, version: { major, minor } },
      slot: { description: slot.description },
    });
    expect(matchesUri(parseUri(exact), { library, slot, token })).toBe(true);
    const newer = { ...library, libraryVersion: { major, minor: minor + 1 } };
    expect(matchesUri(parseUri(exact), { library: newer, slot, token })).toBe(false);
  } finally {
    made.remove();
  }
});

function thrown(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
