import { createHmac } from 'node:crypto';
import { type Attributes, connect, type SecretKey, type Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../../support/fault';
import { eventsOf } from '../../support/faulty-client';
import { type Nss, openNss, whyNoNss } from '../../support/nss';
import { failure } from '../../support/open';

const MESSAGE = Buffer.from('a message');
const VALUE = Buffer.alloc(64, 'value');
const ALGORITHM = 'HMAC-SHA256';
const RIGHT = createHmac('sha256', VALUE).update(MESSAGE).digest();

const changed = (mac: Buffer, at: number): Buffer => {
  const other = Buffer.from(mac);
  other[at] = (other[at] as number) ^ 1;
  return other;
};
const WRONG: [string, Buffer][] = [
  ['whose first byte is wrong', changed(RIGHT, 0)],
  ['whose last byte is wrong', changed(RIGHT, 31)],
  ['that is empty', Buffer.alloc(0)],
  ['that lacks its last byte', RIGHT.subarray(0, 31)],
  ['with a byte behind it', Buffer.concat([RIGHT, Buffer.alloc(1)])],
];

async function hmacKey(session: Session, attributes: Attributes = {}): Promise<SecretKey> {
  return (await session.createObject({
    ...{
      class: 'SECRET_KEY',
      keyType: 'GENERIC_SECRET',
      value: VALUE,
      token: false,
      sign: true,
      verify: true,
    },
    ...attributes,
  })) as SecretKey;
}

/** All ways to verify a MAC. */
async function answers(key: SecretKey, mac: Buffer): Promise<boolean[]> {
  const many = await key.verifyMany(ALGORITHM, [{ data: MESSAGE, signature: mac }]);
  const results = [
    await key.verify(ALGORITHM, MESSAGE, mac),
    key.verifySync(ALGORITHM, MESSAGE, mac),
    many.at(0),
  ];
  const stream = key.createVerify(ALGORITHM, mac);
  stream.write(MESSAGE);
  return [...results, await stream.final()];
}

/** Leaves an error behind on the threads that verify: of a ciphertext that cannot be decrypted. */
async function failOnAllThreads(session: Session): Promise<void> {
  const aes = await session.generateKey('AES');
  const cbc = { name: 'AES-CBC', iv: Buffer.alloc(16) };
  await failure(() => aes.decryptSync(cbc, Buffer.alloc(16)));
  for (let i = 0; i < 4; i += 1) await failure(aes.decrypt(cbc, Buffer.alloc(16)));
}

const USES: [string, Attributes][] = [
  ['that signs and verifies', {}],
  ['that verifies only', { sign: false }],
];

describe('with SoftHSM2 behind the fault module', () => {
  let faulty: Faulty;
  beforeAll(async () => {
    faulty = await openFaulty();
  });
  afterAll(() => faulty.close());

  describe.each(USES)('a MAC by a key %s', (_, attributes) => {
    test('is right', async () => {
      expect(await answers(await hmacKey(faulty.session, attributes), RIGHT)).toEqual([
        true,
        true,
        true,
        true,
      ]);
    });

    test.each(WRONG)('%s is false', async (_name, mac) => {
      expect(await answers(await hmacKey(faulty.session, attributes), mac)).toEqual([
        false,
        false,
        false,
        false,
      ]);
    });
  });

  test('a MAC is computed and compared, not passed to C_Verify', async () => {
    const key = await hmacKey(faulty.session);
    faulty.hsm.resetCounters();
    await answers(key, RIGHT);
    await answers(key, changed(RIGHT, 5));
    const { calls } = faulty.hsm.counters();
    expect([calls.C_Verify, calls.C_VerifyFinal, calls.C_VerifyInit]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(calls).toMatchObject({ C_Sign: 6, C_SignFinal: 2 });
    expect(faulty.hsm.violations).toEqual([]);
  });

  test('a truncated MAC is compared in the length of its parameter', async () => {
    const key = await hmacKey(faulty.session);
    const cmac = (await faulty.session.createObject({
      ...{
        class: 'SECRET_KEY',
        keyType: 'AES',
        value: VALUE.subarray(0, 16),
        token: false,
        sign: true,
        verify: true,
      },
    })) as SecretKey;
    const whole = await cmac.sign({ mechanism: 'AES_CMAC' }, MESSAGE);
    expect(await cmac.verify({ mechanism: 'AES_CMAC' }, MESSAGE, whole)).toBe(true);
    expect(await cmac.verify({ mechanism: 'AES_CMAC' }, MESSAGE, whole.subarray(0, 8))).toBe(false);
    expect(cmac.verifySync({ mechanism: 'AES_CMAC' }, MESSAGE, whole.subarray(0, 15))).toBe(false);
    expect(await key.verify(ALGORITHM, MESSAGE, whole)).toBe(false);
  });

  test('an error of the module is an error, not false', async () => {
    const key = await hmacKey(faulty.session);
    const failNext = (): void =>
      faulty.hsm.plan([{ function: 'C_Sign', nth: 1, return: 'CKR_DEVICE_ERROR' }]);
    const wanted = { code: 'CKR_DEVICE_ERROR', function: 'C_Sign' };
    failNext();
    expect(await failure(key.verify(ALGORITHM, MESSAGE, RIGHT))).toMatchObject(wanted);
    failNext();
    expect(await failure(() => key.verifySync(ALGORITHM, MESSAGE, RIGHT))).toMatchObject(wanted);
    failNext();
    const { failures } = await key.verifyMany(ALGORITHM, [{ data: MESSAGE, signature: RIGHT }]);
    expect(failures.get(0)).toMatchObject(wanted);
    faulty.hsm.clear();
    expect(await answers(key, RIGHT)).toEqual([true, true, true, true]);
  });

  test('a C_Sign that does not set the length is an error, not false', async () => {
    const key = await hmacKey(faulty.session);
    faulty.hsm.plan([{ function: 'C_Sign', oddity: 'length-unwritten' }]);
    expect(await failure(key.verify(ALGORITHM, MESSAGE, RIGHT))).toMatchObject({ code: 'CKR_GENERAL_ERROR' });
    faulty.hsm.clear();
  });
});

describe.skipIf(whyNoNss !== undefined)(`with NSS${whyNoNss ? ` (${whyNoNss})` : ''}`, () => {
  let nss: Nss;
  beforeAll(async () => {
    nss = await openNss();
  });
  afterAll(() => nss.close());

  describe.each(USES)('a MAC by a key %s', (_, attributes) => {
    test('is right', async () => {
      expect(await answers(await hmacKey(nss.session, attributes), RIGHT)).toEqual([true, true, true, true]);
    });

    test.each(WRONG)('%s is false, whatever failed before', async (_name, mac) => {
      const key = await hmacKey(nss.session, attributes);
      await failOnAllThreads(nss.session);
      expect(await answers(key, mac)).toEqual([false, false, false, false]);
    });
  });

  test('wrong MACs do not cause a recovery of a client', async () => {
    const key = await hmacKey(nss.session, { token: true, label: 'mac' });
    await using client = await connect(
      { module: nss.module.raw.description().path, token: { slot: 2 } },
      { pin: '1234' },
    );
    const events = eventsOf(client);
    const theirs = await client.secretKey({ label: 'mac' });
    for (const [, mac] of WRONG) {
      await failOnAllThreads(nss.session);
      expect(await theirs.verify(ALGORITHM, MESSAGE, mac)).toBe(false);
      const many = await theirs.verifyMany(ALGORITHM, [{ data: MESSAGE, signature: mac }]);
      expect(many.toArray()).toEqual([false]);
    }
    expect(events.filter((event) => event.startsWith('recover'))).toEqual([]);
    await key.destroy();
  });
});
