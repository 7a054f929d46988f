/** The end of operations that are active on a session: after an error, and by endOperations(). */
import { CKA, CKF, CKK, CKM, CKO, type RawModule } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../support/fault';
import { failure } from '../support/open';

const MESSAGE = Buffer.from('a message');
const CBC = { mechanism: CKM.AES_CBC_PAD, parameter: Buffer.alloc(16) };
const HMAC = { mechanism: CKM.SHA256_HMAC };
const SHA256 = { mechanism: CKM.SHA256 };

let its: Faulty;
let raw: RawModule;
let session: bigint;
let aes: bigint;
let hmac: bigint;

beforeAll(async () => {
  its = await openFaulty();
  raw = its.raw;
  session = its.session.handle;
  const secret = (keyType: number) =>
    raw.C_CreateObjectSync(session, [
      { type: CKA.CLASS, value: CKO.SECRET_KEY },
      { type: CKA.KEY_TYPE, value: keyType },
      { type: CKA.VALUE, value: Buffer.alloc(32, 1) },
      ...[CKA.SIGN, CKA.VERIFY, CKA.ENCRYPT, CKA.DECRYPT].map((type) => ({ type, value: true })),
    ]);
  aes = secret(CKK.AES);
  hmac = secret(CKK.GENERIC_SECRET);
});
afterEach(() => its.hsm.clear());
afterAll(() => its.close());

/** The Init function of each operation, and whether a part is processed after it. */
const OPERATIONS: Record<string, [flag: number, begin: (withPart: boolean) => void]> = {
  Encrypt: [
    CKF.ENCRYPT,
    (withPart) => {
      raw.C_EncryptInitSync(session, CBC, aes);
      if (withPart) raw.C_EncryptUpdateSync(session, MESSAGE);
    },
  ],
  Decrypt: [
    CKF.DECRYPT,
    (withPart) => {
      raw.C_DecryptInitSync(session, CBC, aes);
      if (withPart) raw.C_DecryptUpdateSync(session, Buffer.alloc(64));
    },
  ],
  Digest: [
    CKF.DIGEST,
    (withPart) => {
      raw.C_DigestInitSync(session, SHA256);
      if (withPart) raw.C_DigestUpdateSync(session, MESSAGE);
    },
  ],
  Sign: [
    CKF.SIGN,
    (withPart) => {
      raw.C_SignInitSync(session, HMAC, hmac);
      if (withPart) raw.C_SignUpdateSync(session, MESSAGE);
    },
  ],
  Verify: [
    CKF.VERIFY,
    (withPart) => {
      raw.C_VerifyInitSync(session, HMAC, hmac);
      if (withPart) raw.C_VerifyUpdateSync(session, MESSAGE);
    },
  ],
  FindObjects: [CKF.FIND_OBJECTS, () => raw.C_FindObjectsInitSync(session, [])],
};

async function expectFree(): Promise<void> {
  for (const [, begin] of Object.values(OPERATIONS)) {
    begin(false);
    expect(raw.endOperationsSync(session, 0xffff)).toBe(true);
  }
  expect(await raw.digest(session, SHA256, MESSAGE)).toHaveLength(32);
}

describe('endOperations() ends', () => {
  test.each(Object.keys(OPERATIONS))('%s, with and without parts, in both forms', async (name) => {
    const [flag, begin] = OPERATIONS[name] as (typeof OPERATIONS)[string];
    for (const withPart of [false, true]) {
      begin(withPart);
      expect((await failure(raw.digest(session, SHA256, MESSAGE))).code).toBe('CKR_OPERATION_ACTIVE');
      expect(await raw.endOperations(session, flag)).toBe(true);
      begin(withPart);
      expect(raw.endOperationsSync(session, flag)).toBe(true);
    }
    await expectFree();
  });

  test('only the operations that it is asked for', async () => {
    raw.C_DigestInitSync(session, SHA256);
    expect(await raw.endOperations(session, CKF.SIGN | CKF.ENCRYPT)).toBe(true);
    raw.C_DigestUpdateSync(session, MESSAGE);
    expect(raw.C_DigestFinalSync(session)).toEqual(await raw.digest(session, SHA256, MESSAGE));
  });

  test('an operation of which the Final function knows nothing', async () => {
    // So does NSS with AES-GCM, which it can do in a single part only.
    its.hsm.plan([{ function: 'C_EncryptFinal', return: 'CKR_OPERATION_NOT_INITIALIZED' }]);
    raw.C_EncryptInitSync(session, CBC, aes);
    expect(await raw.endOperations(session, CKF.ENCRYPT)).toBe(true);
    its.hsm.clear();
    await expectFree();
  });
});

test('endOperations() returns false while an operation may be active', async () => {
  its.hsm.plan([{ function: ['C_Digest', 'C_DigestFinal'], return: 'CKR_FUNCTION_FAILED' }]);
  raw.C_DigestInitSync(session, SHA256);
  expect(await raw.endOperations(session, CKF.DIGEST | CKF.SIGN)).toBe(false);
  its.hsm.clear();
  // The next operation in one job ends it.
  expect(await raw.digest(session, SHA256, MESSAGE)).toHaveLength(32);
  await expectFree();
});

test('endOperations() refuses an argument of another type before a call', async () => {
  its.hsm.resetCounters();
  const wrong = 'SIGN' as unknown as number;
  expect(await failure(raw.endOperations(session, wrong))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(its.hsm.counters().calls).toEqual({});
});

describe('an operation whose single-part function fails without an end', () => {
  test.each(['C_Sign', 'C_Digest', 'C_Encrypt'] as const)(
    'is ended by its Final function: %s',
    async (name) => {
      its.hsm.plan([{ function: name, return: 'CKR_FUNCTION_FAILED' }]);
      const run = {
        C_Sign: () => raw.sign(session, HMAC, hmac, MESSAGE),
        C_Digest: () => raw.digest(session, SHA256, MESSAGE),
        C_Encrypt: () => raw.encrypt(session, CBC, aes, MESSAGE),
      }[name];
      expect(await failure(run())).toMatchObject({ code: 'CKR_FUNCTION_FAILED', function: name });
      its.hsm.resetCounters();
      raw.C_DigestInitSync(session, SHA256); // a raw call ends nothing itself
      expect(raw.endOperationsSync(session, CKF.DIGEST)).toBe(true);
      its.hsm.clear();
      await expectFree();
    },
  );
});
