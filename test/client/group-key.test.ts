import { randomBytes } from 'node:crypto';
import { type Attributes, type ClientGroup, connect } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { createHsm, ecKey, type Hsm, isGood, MESSAGE, PIN, put, rsaKey, take, until } from './group-support';

let a: Hsm;
let b: Hsm;
let group: ClientGroup | undefined;

beforeAll(async () => {
  [a, b] = [await createHsm('a'), await createHsm('b')];
});

afterEach(async () => {
  await group?.close();
  group = undefined;
  for (const hsm of [a, b]) {
    hsm.fault.clear();
    hsm.fault.insertToken();
    await take(hsm, 'all');
    expect(hsm.fault.violations).toEqual([]);
  }
});

afterAll(async () => {
  await a?.remove();
  await b?.remove();
});

/** Makes a group of two tokens, each with its own list of objects. */
async function join(
  onA: readonly Attributes[],
  onB: readonly Attributes[],
  retryMissingKeyAfter = 50,
): Promise<ClientGroup> {
  await put(a, onA);
  await put(b, onB);
  const breaker = { openTime: 50, maxOpenTime: 100 };
  group = await connect([a.target, b.target], { pin: PIN, retryMissingKeyAfter, breaker });
  return group;
}

const sameOnBoth = (...objects: readonly Attributes[]): Promise<ClientGroup> => join(objects, objects);

describe('a key of a group is matched on the other members', () => {
  test('by the public key beside it, even if the tokens use different ids for the pair', async () => {
    const { privateKey, publicKey, key } = ecKey('ours');
    const other = { id: Buffer.from('other') };
    const hsms = await join(
      [privateKey, publicKey],
      [
        { ...privateKey, ...other },
        { ...publicKey, ...other },
      ],
    );
    const found = await hsms.privateKey({ label: 'ours' });
    expect(found).toMatchObject({ members: ['a', 'b'], label: 'ours', keyType: 'EC', class: 'PRIVATE_KEY' });
    for (let i = 0; i < 4; i += 1) expect(isGood(key, await found.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    const verifying = await hsms.publicKey({ label: 'ours' });
    expect(verifying.members).toEqual(['a', 'b']);
    const signature = await found.sign('ECDSA-SHA256', MESSAGE);
    expect(await verifying.verify('ECDSA-SHA256', MESSAGE, signature)).toBe(true);
    expect(await verifying.verify('ECDSA-SHA256', Buffer.from('another'), signature)).toBe(false);
    expect((await verifying.toKeyObject()).equals(key)).toBe(true);
  });

  test('by its own modulus', async () => {
    const { privateKey, publicKey } = rsaKey('ours');
    const hsms = await join([privateKey, publicKey], [{ ...privateKey, id: Buffer.from('b') }]);
    const found = await hsms.privateKey({ label: 'ours' });
    expect(found.members).toEqual(['a', 'b']);
    const encrypting = await hsms.publicKey({ label: 'ours' });
    expect(encrypting.members).toEqual(['a']);
    const encrypted = await encrypting.encrypt('RSA-PKCS1', MESSAGE);
    for (let i = 0; i < 2; i += 1) expect(await found.decrypt('RSA-PKCS1', encrypted)).toEqual(MESSAGE);
    expect(
      hsms
        .statistics()
        .members.map(({ operations }) => operations)
        .every((count) => count > 0),
    ).toBe(true);
  });

  test('by a trial when the public key with the same id belongs to another key', async () => {
    const [one, stale] = [ecKey('ours'), ecKey('ours')];
    const hsms = await join([one.privateKey, one.publicKey], [one.privateKey, stale.publicKey]);
    const found = await hsms.privateKey({ label: 'ours' });
    expect(found.members).toEqual(['a', 'b']);
    for (let i = 0; i < 2; i += 1)
      expect(isGood(one.key, await found.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
  });

  test('by a trial when there is neither a public key nor an id', async () => {
    const { privateKey, key } = ecKey('ours');
    const { id: _, ...nameless } = privateKey as Attributes & { id: Buffer };
    const found = await (await sameOnBoth(nameless)).privateKey({ label: 'ours' });
    expect(found.members).toEqual(['a', 'b']);
    for (let i = 0; i < 2; i += 1) expect(isGood(key, await found.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
  });

  test('by a trial when one token has no public key', async () => {
    const { privateKey, publicKey, key } = ecKey('ours');
    const hsms = await join([privateKey, publicKey], [privateKey]);
    const found = await hsms.privateKey({ label: 'ours' });
    expect(found.members).toEqual(['a', 'b']);
    for (let i = 0; i < 2; i += 1) expect(isGood(key, await found.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
  });

  test('by id, type and check value when it is a secret key', async () => {
    const aes: Attributes = {
      ...{ class: 'SECRET_KEY', keyType: 'AES', label: 'ours', id: Buffer.from('ours') },
      ...{ value: randomBytes(32), encrypt: true, decrypt: true },
    };
    const hmac: Attributes = {
      ...{ class: 'SECRET_KEY', keyType: 'GENERIC_SECRET', label: 'mac', id: Buffer.from('mac') },
      ...{ value: randomBytes(32), sign: true, verify: true },
    };
    const hsms = await sameOnBoth(aes, hmac);
    const key = await hsms.secretKey({ label: 'ours' });
    const iv = randomBytes(12);
    const algorithm = { name: 'AES-GCM', iv } as const;
    const encrypting = key.encrypt(algorithm, MESSAGE);
    const itsIv = Buffer.from(iv);
    iv.fill(0); // the client must have copied the IV before the caller overwrites it
    const encrypted = await encrypting;
    for (let i = 0; i < 2; i += 1) {
      expect(await key.decrypt({ name: 'AES-GCM', iv: itsIv }, encrypted)).toEqual(MESSAGE);
    }
    const mac = await hsms.secretKey({ label: 'mac' });
    const code = await mac.sign('HMAC-SHA256', MESSAGE);
    for (let i = 0; i < 2; i += 1) expect(await mac.verify('HMAC-SHA256', MESSAGE, code)).toBe(true);
  });

  test('by value when it is a certificate, and by URI', async () => {
    const certificate: Attributes = {
      ...{ class: 'CERTIFICATE', certificateType: 'X_509', label: 'ours', private: false },
      ...{ subject: Buffer.from('3000', 'hex'), value: Buffer.from('3003020101', 'hex') },
    };
    const hsms = await sameOnBoth(certificate);
    const found = await hsms.certificate('pkcs11:object=ours;type=cert');
    expect(found.members).toEqual(['a', 'b']);
  });
});

describe('a key of a group is refused', () => {
  const mismatch = async (
    hsms: ClientGroup,
    find: 'privateKey' | 'publicKey' | 'secretKey',
  ): Promise<void> => {
    const error = await failure(hsms[find]({ label: 'ours' }));
    expect(error.code).toBe('ERR_CRYPTOKI_KEY_MISMATCH');
    expect(error.message).toContain('"b"');
    expect(error.message).toContain('"a"');
  };

  test('when one member has a different key', async () => {
    const [one, other] = [ecKey('ours'), ecKey('ours')];
    const hsms = await join([one.privateKey, one.publicKey], [other.privateKey, other.publicKey]);
    await mismatch(hsms, 'privateKey');
    await mismatch(hsms, 'publicKey');
  });

  test('when one member has a different RSA key with the same id', async () => {
    await mismatch(await join([rsaKey('ours').privateKey], [rsaKey('ours').privateKey]), 'privateKey');
  });

  test('when neither a public key nor an id proves that the keys are the same, and the key allows no trial', async () => {
    const { privateKey } = ecKey('ours', { sign: false });
    const { id: _, ...nameless } = privateKey as Attributes & { id: Buffer };
    await mismatch(await sameOnBoth(nameless), 'privateKey');
  });

  test('when it is another EC key with the same id, whose public key is not there', async () => {
    const [one, other] = [ecKey('ours'), ecKey('ours')];
    await mismatch(await join([one.privateKey, one.publicKey], [other.privateKey]), 'privateKey');
  });

  test('when it is another EC key with the same id, and no public key is anywhere', async () => {
    await mismatch(await join([ecKey('ours').privateKey], [ecKey('ours').privateKey]), 'privateKey');
  });

  test('when it is another EC key, beside a public key that belongs to neither', async () => {
    const [one, other, stale] = [ecKey('ours'), ecKey('ours'), ecKey('ours')];
    await mismatch(
      await join([one.privateKey, stale.publicKey], [other.privateKey, stale.publicKey]),
      'privateKey',
    );
  });

  test('when the check values of secret keys differ', async () => {
    const aes = (): Attributes => ({
      ...{ class: 'SECRET_KEY', keyType: 'AES', label: 'ours', id: Buffer.from('ours') },
      ...{ value: randomBytes(32), encrypt: true },
    });
    const [one, other] = [aes(), aes()];
    await put(a, [one]);
    const { checkValue } = await a.with(async (session) =>
      (await session.secretKey({ label: 'ours' })).attributes('checkValue'),
    );
    expect(checkValue?.length).toBe(3); // without check values the comparison below would prove nothing
    await mismatch(await join([], [other]), 'secretKey');
  });

  test('when two keys match on one member', async () => {
    const [one, other] = [ecKey('ours'), ecKey('ours')];
    const hsms = await join(
      [one.privateKey],
      [one.privateKey, { ...other.privateKey, id: Buffer.from('x') }],
    );
    expect((await failure(hsms.privateKey({ label: 'ours' }))).code).toBe('ERR_CRYPTOKI_OBJECT_AMBIGUOUS');
  });

  test('when it is missing on all members', async () => {
    const error = await failure((await join([], [])).privateKey({ label: 'ours' }));
    expect(error.code).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
    expect(error.message).toContain('"a": ERR_CRYPTOKI_OBJECT_NOT_FOUND');
  });
});

describe('a key of a group, after it was found,', () => {
  test('leaves out a member without the key until the member has it', async () => {
    const { privateKey, publicKey, key } = ecKey('ours');
    const hsms = await join([privateKey, publicKey], []);
    const found = await hsms.privateKey({ label: 'ours' });
    expect(found.members).toEqual(['a']);
    const before = b.calls('C_Sign');
    for (let i = 0; i < 4; i += 1) expect(isGood(key, await found.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    expect(b.calls('C_Sign')).toBe(before);
    await put(b, [privateKey, publicKey]);
    const end = performance.now() + 5_000;
    while (found.members.length < 2 && performance.now() < end) await found.sign('ECDSA-SHA256', MESSAGE);
    expect(found.members).toEqual(['a', 'b']);
    expect(hsms.members.every(({ isWell }) => isWell)).toBe(true);
  });

  test('uses the other member after it was destroyed on one', async () => {
    const { privateKey, publicKey, key } = ecKey('ours');
    const hsms = await join([privateKey, publicKey], [privateKey, publicKey], 60_000);
    const found = await hsms.privateKey({ label: 'ours' });
    await take(b, { label: 'ours' });
    for (let i = 0; i < 4; i += 1) expect(isGood(key, await found.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    expect(found.members).toEqual(['a']);
    expect(hsms.members.every(({ isWell }) => isWell)).toBe(true); // a missing key does not count as a failure of the member
    await take(a, { label: 'ours' });
    expect((await failure(found.sign('ECDSA-SHA256', MESSAGE))).code).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
  });

  test.each([
    ['token', () => b.fault.removeToken({ for: 100 })],
    ['sessions', () => b.fault.loseSessions()],
    ['device', () => b.fault.loseDevice()],
  ])('a key that was replaced while it was lost (%s) is never used', async (_what, lose) => {
    const [one, other] = [ecKey('ours'), ecKey('ours')];
    const hsms = await join([one.privateKey, one.publicKey], [one.privateKey, one.publicKey], 60_000);
    const refused: string[] = [];
    hsms.on('keyRefused', ({ member, error }) =>
      refused.push(`${member} ${(error as { code: string }).code}`),
    );
    const found = await hsms.privateKey({ label: 'ours' });
    await take(b, { label: 'ours' });
    await put(b, [other.privateKey, other.publicKey]);
    lose();
    const end = performance.now() + 5_000;
    while (refused.length === 0 && performance.now() < end) {
      expect(isGood(one.key, await found.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    }
    expect(refused).toEqual(['b ERR_CRYPTOKI_KEY_MISMATCH']);
    expect(found.members).toEqual(['a']);
    await until(() => hsms.members.every(({ isWell }) => isWell), 'the member itself is well');
    const signatures = await Promise.all(
      Array.from({ length: 20 }, () => found.sign('ECDSA-SHA256', MESSAGE)),
    );
    expect(signatures.every((signature) => isGood(one.key, signature))).toBe(true);
  });
});
