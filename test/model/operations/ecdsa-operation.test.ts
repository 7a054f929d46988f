import { type KeyObject, verify } from 'node:crypto';
import { type Client, connect, type KeyPair } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../../support/fault';
import { failure } from '../../support/open';

const LENGTHS = { 'P-256': 64, 'P-384': 96, 'P-521': 132 } as const;
const CURVES = Object.keys(LENGTHS) as (keyof typeof LENGTHS)[];

interface Own {
  readonly pair: KeyPair;
  readonly publicKey: KeyObject;
}

let faulty: Faulty;
let client: Client;
const keys = new Map<string, Own>();
beforeAll(async () => {
  faulty = await openFaulty();
  for (const curve of CURVES) {
    const pair = await faulty.session.generateKeyPair('EC', { curve, token: true, label: curve });
    keys.set(curve, { pair, publicKey: await pair.publicKey.toKeyObject() });
  }
  client = await connect(
    { module: faulty.hsm.path, token: { label: faulty.soft.label } },
    { pin: faulty.soft.pin },
  );
});
afterEach(() => faulty.hsm.clear());
afterAll(async () => {
  await client.close();
  await faulty.close();
});

const message = (i: number): Buffer => Buffer.from(`message ${i}`);
const COUNT = 24;

/** Signatures of one module and curve, made in all ways: each with the hash and the message that it is of. */
async function signatures(curve: string, hash = 'SHA256'): Promise<[Buffer, Buffer][]> {
  const { pair } = keys.get(curve) as Own;
  const { privateKey } = pair;
  const theirs = await client.privateKey({ label: curve });
  const algorithm = `ECDSA-${hash}`;
  const messages = Array.from({ length: COUNT }, (_, i) => message(i));
  const made: [Buffer, Buffer][] = [];
  for (const data of messages) {
    made.push([data, await privateKey.sign(algorithm, data)]);
    made.push([data, privateKey.signSync(algorithm, data)]);
    made.push([data, await theirs.sign(algorithm, data)]);
    const stream = privateKey.createSign(algorithm);
    stream.write(data);
    made.push([data, await stream.final()]);
  }
  const many = [await privateKey.signMany(algorithm, messages), await theirs.signMany(algorithm, messages)];
  for (const results of many) {
    expect([...results.failures.values()]).toEqual([]);
    made.push(...results.toArray().map((signature, i): [Buffer, Buffer] => [message(i), signature]));
  }
  return made;
}

function expectPlain(curve: keyof typeof LENGTHS, made: [Buffer, Buffer][], hash = 'SHA256'): void {
  const { publicKey: key } = keys.get(curve) as Own;
  for (const [data, signature] of made) {
    expect(signature).toHaveLength(LENGTHS[curve]);
    expect(verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    expect(signature.buffer.byteLength).toBe(signature.length);
  }
}

describe.each(CURVES)('ECDSA with %s', (curve) => {
  test('signatures in DER are converted to r and s', async () => {
    faulty.hsm.plan([{ function: '*', oddity: 'ecdsa-der' }]);
    expectPlain(curve, await signatures(curve));
  });

  test('missing leading zeros of signatures are added', async () => {
    faulty.hsm.plan([{ function: '*', oddity: 'ecdsa-short' }]);
    expectPlain(curve, await signatures(curve));
  });
});

describe('with a module that refuses digests longer than the order of the curve', () => {
  test.each(['SHA384', 'SHA512'])('ECDSA-%s with P-256 signs and verifies', async (hash) => {
    faulty.hsm.plan([{ function: 'C_Sign', oddity: 'ecdsa-strict' }]);
    const made = await signatures('P-256', hash);
    expectPlain('P-256', made, hash);
    const { publicKey } = (keys.get('P-256') as Own).pair;
    const results = await publicKey.verifyMany(
      `ECDSA-${hash}`,
      made.map(([data, signature]) => ({ data, signature })),
    );
    expect(results.toArray()).toEqual(made.map(() => true));
  });

  test('a key that was not used before signs at once, and in batches', async () => {
    faulty.hsm.plan([{ function: 'C_Sign', oddity: 'ecdsa-strict' }]);
    const make = (): Promise<KeyPair> =>
      faulty.session.generateKeyPair('EC', { curve: 'P-256', token: false });
    const data = message(0);
    for (const sign of [
      async ({ privateKey }: KeyPair) => privateKey.sign('ECDSA-SHA512', data),
      async ({ privateKey }: KeyPair) => privateKey.signSync('ECDSA-SHA512', data),
      async ({ privateKey }: KeyPair) => (await privateKey.signMany('ECDSA-SHA512', [data])).at(0),
    ]) {
      const pair = await make();
      expect(await pair.publicKey.verify('ECDSA-SHA512', data, await sign(pair))).toBe(true);
    }
  });

  test('a long message, whose digest the token makes, is signed', async () => {
    faulty.hsm.plan([{ function: 'C_Sign', oddity: 'ecdsa-strict' }]);
    const { pair, publicKey: key } = keys.get('P-256') as Own;
    const data = Buffer.alloc(200_000, 'long');
    const [many, single, sync] = [
      (await pair.privateKey.signMany('ECDSA-SHA512', [data])).at(0),
      await pair.privateKey.sign('ECDSA-SHA512', data),
      pair.privateKey.signSync('ECDSA-SHA512', data),
    ];
    for (const signature of [many, single, sync]) {
      expect(verify('SHA512', data, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    }
  });
});

test('a refusal that the length of the digest does not explain is passed on', async () => {
  const { pair } = keys.get('P-256') as Own;
  faulty.hsm.plan([{ function: 'C_Sign', nth: 1, return: 'CKR_DATA_LEN_RANGE' }]);
  expect(await failure(pair.privateKey.sign('ECDSA-SHA256', message(0)))).toMatchObject({
    code: 'CKR_DATA_LEN_RANGE',
  });
});
