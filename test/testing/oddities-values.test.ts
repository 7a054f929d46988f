import { generateKeyPairSync } from 'node:crypto';
import type { Oddity } from 'cryptoki/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileOddityProgram, isUnusable, type OddityProgram } from '../support/oddity-program';

const LABEL = '6c6162656c'; // "label"
const DIGEST = '709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c'; // SHA-256 of three zeros
// Attributes of the AES key of the probe, as arguments of the program: TYPE:ROOM; a room of - queries the length.
const [CLASS, TOKEN, label, KEY_TYPE, ID, MODULUS_BITS, VALUE_LEN] = [0, 1, 3, 0x100, 0x102, 0x121, 0x161];

let program: OddityProgram;
beforeAll(async () => {
  if (!isUnusable) program = await compileOddityProgram();
}, 180_000);
afterAll(async () => {
  await program?.close();
});

describe.skipIf(isUnusable)('oddities of attributes', () => {
  const read = (oddity: Oddity | undefined, ...items: string[]) =>
    program.probe(oddity, 'attributes', ...items);

  test('lengths-ignored: the whole value is written into a buffer that is too small', async () => {
    const items = [`${label}:2`, `${VALUE_LEN}:8`, `${MODULUS_BITS}:8`];
    const code = 'C_GetAttributeValue 0x12';
    const others = ['8 2000000000000000', 'unavailable untouched'];
    expect(await read(undefined, ...items)).toEqual([code, 'unavailable untouched', ...others]);
    expect(await read('lengths-ignored', ...items)).toEqual([code, `5 ${LABEL}`, ...others]);
  });

  test('lengths-unwritten: the lengths of buffers are not changed', async () => {
    const items = [`${label}:20`, `${ID}:-`, `${MODULUS_BITS}:8`];
    expect(await read(undefined, ...items)).toContain('unavailable untouched');
    expect(await read('lengths-unwritten', ...items)).toEqual([
      'C_GetAttributeValue 0x12',
      `20 ${LABEL}`,
      '2 untouched', // asked for
      '8 untouched',
    ]);
  });

  test('stops-at-unknown: nothing is written after the first missing attribute', async () => {
    const items = [`${label}:20`, `${MODULUS_BITS}:8`, `${ID}:20`, `${TOKEN}:-`];
    expect(await read(undefined, ...items)).toContain('2 0102');
    expect(await read('stops-at-unknown', ...items)).toEqual([
      'C_GetAttributeValue 0x12',
      `5 ${LABEL}`,
      'unavailable untouched',
      '20 untouched',
      '77 untouched',
    ]);
    expect(await read('stops-at-unknown', `${label}:20`)).toEqual(await read(undefined, `${label}:20`));
  });

  test('values-unwritten: the length is right, the memory is not changed', async () => {
    expect(await read('values-unwritten', `${label}:20`)).toEqual(['C_GetAttributeValue 0x0', '5 untouched']);
  });

  test('grows-each-time: no fetch succeeds', async () => {
    expect(await read('grows-each-time', `${label}:20`)).toEqual([
      'C_GetAttributeValue 0x150',
      'unavailable untouched',
    ]);
    expect(await program.run([{ function: '*', oddity: 'grows-each-time' }], 'growing')).toEqual([
      '0x0 5',
      '0x150 unavailable',
      '0x0 13',
      '0x150 unavailable',
      '0x0 21',
      '0x150 unavailable',
    ]);
  });

  test('fixed-size-long: a class has 3,000 bytes', async () => {
    const items = [`${CLASS}:8`, `${KEY_TYPE}:-`, `${KEY_TYPE}:4000`];
    const [code, first, second, third = ''] = await read('fixed-size-long', ...items);
    expect([code, first, second]).toEqual([
      'C_GetAttributeValue 0x150',
      'unavailable untouched',
      '3000 untouched',
    ]);
    expect(third).toMatch(/^3000 1f00000000000000(a5){2992}$/); // CKK_AES, then filling
  });

  test.each<[Oddity, string]>([
    ['ulong-4-bytes', '4 20000000, 1 00, 5 6c6162656c, 4 04000000'],
    ['boolean-4-bytes', '8 2000000000000000, 4 00000000, 5 6c6162656c, 8 0400000000000000'],
    ['boolean-8-bytes', '8 2000000000000000, 8 0000000000000000, 5 6c6162656c, 8 0400000000000000'],
    ['ulong-large', '8 2000000000000040, 1 00, 5 6c6162656c, 8 0400000000000000'],
  ])('%s: the size of numbers and booleans', async (oddity, expected) => {
    const items = [`${VALUE_LEN}:8`, `${TOKEN}:8`, `${label}:20`, `${CLASS}:8`];
    const usual = '8 2000000000000000, 1 00, 5 6c6162656c, 8 0400000000000000';
    expect((await read(undefined, ...items)).slice(1).join(', ')).toBe(usual);
    expect((await read(oddity, ...items)).slice(1).join(', ')).toBe(expected);
  });

  test('refuses-all: a request for more than one attribute returns a code that the rule can choose', async () => {
    const untouched = ['20 untouched', '20 untouched'];
    const both = [`${label}:20`, `${ID}:20`];
    expect(await read('refuses-all', ...both)).toEqual(['C_GetAttributeValue 0x5', ...untouched]);
    expect(await read('refuses-all', `${label}:20`)).toEqual(['C_GetAttributeValue 0x0', `5 ${LABEL}`]);
    for (const [code, number] of [
      ['CKR_FUNCTION_FAILED', '0x6'],
      ['CKR_DEVICE_ERROR', '0x30'],
      [0x80000001, '0x80000001'],
    ] as const) {
      const rule = { function: 'C_GetAttributeValue', oddity: 'refuses-all', return: code } as const;
      expect(await program.run([rule], 'attributes', ...both)).toEqual([
        `C_GetAttributeValue ${number}`,
        ...untouched,
      ]);
    }
  });

  test('refuses-unknown: one missing attribute makes the call fail', async () => {
    const none = ['C_GetAttributeValue 0x5', '8 untouched'];
    expect(await read('refuses-unknown', `${MODULUS_BITS}:8`)).toEqual(none);
    expect(await read('refuses-unknown', `${MODULUS_BITS}:8`, `${label}:20`)).toEqual([
      ...none,
      '20 untouched',
    ]);
    const there = [`${label}:20`, `${ID}:20`];
    expect(await read('refuses-unknown', ...there)).toEqual(await read(undefined, ...there));
  });

  test.each<[Oddity, string]>([
    ['length-near-max', '18446744073709551608'],
    ['length-32bit-minus-one', '4294967295'],
    ['length-huge', '4611686018427387904'],
    ['length-zero', '0'],
  ])('%s: of attributes and of results', async (oddity, length) => {
    expect(await read(oddity, `${label}:20`, `${MODULUS_BITS}:8`, `${ID}:-`)).toEqual([
      'C_GetAttributeValue 0x12',
      `${length} ${LABEL}`,
      'unavailable untouched',
      `${length} untouched`,
    ]);
    expect(await program.probe(oddity, 'digest', '-', '10', '40')).toEqual([
      `0x0 ${length} untouched`,
      '0x150 32 untouched',
      `0x0 ${length} ${DIGEST}`,
    ]);
  });

  test.each<[Oddity | 'no oddity', string, RegExp]>([
    ['no oddity', '06052b81040023', /^136 bytes, first 04818504/],
    ['ec-point-raw', '06052b81040023', /^133 bytes, first 04/],
    ['ec-point-bit-string', '06052b81040023', /^137 bytes, first 0381860004/],
    ['ec-point-coordinates', '06052b81040023', /^132 bytes, first 0[01]/], // P-521: 521 bits in 66 bytes
    ['ec-point-compressed', '06052b81040023', /^69 bytes, first 04430[23]0[01]/],
    ['ec-params-name', `1309${Buffer.from('secp521r1').toString('hex')}`, /^136 bytes, first 04818504/],
  ])('%s: the curve and the point of a public key', async (oddity, curve, point) => {
    const [code, first, second] = await program.probe(oddity === 'no oddity' ? undefined : oddity, 'curve');
    expect([code, first]).toEqual(['C_GetAttributeValue 0x0', curve]);
    expect(second).toMatch(point);
  });

  test('ec-params-explicit: the curve is what OpenSSL writes of it', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-521', paramEncoding: 'explicit' });
    const [code, curve = ''] = await program.probe('ec-params-explicit', 'curve');
    expect(code).toBe('C_GetAttributeValue 0x0');
    expect(curve).toMatch(/^308201c3020101/);
    expect(publicKey.export({ type: 'spki', format: 'der' }).toString('hex')).toContain(curve);
  });

  test('ec-params-missing: the curve is refused, the point is not', async () => {
    const [code, curve, point] = await program.probe('ec-params-missing', 'curve');
    expect([code, curve]).toEqual(['C_GetAttributeValue 0x12', 'unavailable']);
    expect(point).toMatch(/^136 bytes, first 04818504/);
  });
});

describe.skipIf(isUnusable)('oddities of results', () => {
  // Queries the length, fetches with rooms of 10 and 40 bytes, and fetches once more.
  const digest = (oddity?: Oddity) => program.probe(oddity, 'digest', '-', '10', '40', '40');
  const [asked, refused, ended] = ['0x0 32 untouched', '0x150 32 untouched', '0x91 40 untouched'];

  test('without an oddity, a room that is too small leaves the operation active', async () => {
    expect(await digest()).toEqual([asked, refused, `0x0 32 ${DIGEST}`, ended]);
  });

  test.each<[Oddity, string[]]>([
    ['length-beyond-room', [asked, refused, `0x0 56 ${DIGEST}`, ended]],
    ['length-unwritten', [asked, refused, `0x0 40 ${DIGEST}`, ended]],
    ['too-small-ends-operation', [asked, refused, ended, ended]],
    ['too-small-length-garbage', [asked, '0x150 6148914691236517205 untouched', ended, ended]],
    ['result-unwritten', [asked, refused, '0x0 32 untouched', ended]],
  ])('%s: a digest that is fetched with rooms of 10 and 40 bytes', async (oddity, expected) => {
    expect(await digest(oddity)).toEqual(expected);
  });

  test('too-small-for-ever: no size is sufficient', async () => {
    const rule = { function: 'C_Digest', oddity: 'too-small-for-ever' } as const;
    expect(await program.run([rule], 'digest', '-', '40', '41', '1000')).toEqual([
      asked,
      '0x150 41 untouched',
      '0x150 42 untouched',
      '0x150 1001 untouched',
    ]);
  });

  test('result-unwritten: random bytes are not written', async () => {
    expect(await program.probe(undefined, 'random')).toEqual(['C_GenerateRandom 0x0', 'written']);
    expect(await program.probe('result-unwritten', 'random')).toEqual(['C_GenerateRandom 0x0', 'untouched']);
  });

  test('pending: the result is written after the call has returned', async () => {
    const written = `later ${DIGEST.slice(0, 8)}`;
    expect(await program.probe(undefined, 'pending')).toEqual(['0x0 written', written]);
    expect(await program.probe('pending', 'pending')).toEqual(['0x204 untouched', written]);
  });

  test('ecdsa-der: signatures are DER, also if the room fits two halves only', async () => {
    expect(await program.probe(undefined, 'sign', '30')).toEqual([
      'asked 132',
      'DER none, shorter none, good all',
    ]);
    expect(await program.probe('ecdsa-der', 'sign', '30')).toEqual([
      'asked 141',
      'DER all, shorter none, good none',
    ]);
    expect(await program.probe('ecdsa-der', 'sign', '1', '132')).toEqual(['C_Sign 0x150 141, asked 141']);
  });

  // The first byte of each half is zero in every second signature with P-521.
  test('ecdsa-short: leading zeros are dropped', async () => {
    expect(await program.probe('ecdsa-short', 'sign', '60')).toEqual([
      'asked 132',
      'DER none, shorter some, good some',
    ]);
  });

  test('ecdsa-strict: data that is longer than the order is refused', async () => {
    const shorter = '66 bytes 0x0, then 0x0';
    expect(await program.probe(undefined, 'longData')).toEqual([shorter, '67 bytes 0x0, then 0x0']);
    expect(await program.probe('ecdsa-strict', 'longData')).toEqual([shorter, '67 bytes 0x0, then 0x21']);
  });

  test('gcm-iv-from-module: C_Encrypt writes the IV into the memory of C_EncryptInit', async () => {
    const begin = ['C_EncryptInit 0x0', 'IV as given', 'asked, IV as given', 'C_Encrypt 0x0'];
    const good = "with the module's IV: good";
    expect(await program.probe(undefined, 'gcm')).toEqual([
      ...begin,
      'IV as given',
      good,
      "with the program's IV: good",
    ]);
    expect(await program.probe('gcm-iv-from-module', 'gcm')).toEqual([
      ...begin,
      'IV changed',
      good,
      "with the program's IV: refused",
    ]);
  });

  test('gcm-iv-in-init: C_EncryptInit writes the IV at once', async () => {
    expect(await program.probe('gcm-iv-in-init', 'gcm')).toEqual([
      ...['C_EncryptInit 0x0', 'IV changed', 'asked, IV changed', 'C_Encrypt 0x0', 'IV changed'],
      ...["with the module's IV: good", "with the program's IV: refused"],
    ]);
  });
});
