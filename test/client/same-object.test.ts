import { type KeyObject, randomBytes, verify } from 'node:crypto';
import type { Attributes, Client, ClientPrivateKey, ClientSecretKey, Session } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Ground, MESSAGE, prepare } from './support/ground';

let ground: Ground;
let beside: Session;
let client: Client;
beforeAll(async () => {
  ground = await prepare('same');
});
beforeEach(async () => {
  client = await ground.connect();
  beside = await (await ground.token()).openSession({ readWrite: true });
});
afterEach(async () => {
  ground.fault.clear();
  for (const object of await client.find({ token: true })) await object.destroy();
  await beside.close();
  await ground.clean();
});
afterAll(() => ground.close());

const NOT_FOUND = { code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND' };
const NAME = { label: 'signing', id: Buffer.from('0102', 'hex') };
const OTHER = { label: 'other', id: Buffer.from('03', 'hex') };

/** The login is lost; whoever works beside the client logs in again first. */
async function loseLogin(): Promise<void> {
  await ground.logOutElsewhere();
}

interface Pair {
  readonly key: KeyObject;
  rename(name: Attributes): Promise<void>;
  destroy(): Promise<void>;
}

/** A key pair on the token that the client does not know of. @param publicKey whether its public half stays on the token */
async function makePair(
  type: 'EC' | 'RSA' | 'EC_EDWARDS',
  name: Attributes,
  publicKey = true,
): Promise<Pair> {
  const curve = { EC: 'P-256', RSA: undefined, EC_EDWARDS: 'Ed25519' }[type];
  const pair = await beside.generateKeyPair(type, { ...NAME, ...(curve ? { curve } : {}), token: true });
  const halves = publicKey ? [pair.privateKey, pair.publicKey] : [pair.privateKey];
  const rename = async (changes: Attributes): Promise<void> => {
    for (const half of halves) await half.setAttributes(changes);
  };
  await rename(name);
  const key = await pair.publicKey.toKeyObject();
  if (!publicKey) await pair.publicKey.destroy();
  return {
    key,
    rename,
    destroy: async () => {
      for (const half of halves) await half.destroy();
    },
  };
}

const ALGORITHMS = { EC: 'ECDSA-SHA256', RSA: 'RSA-PKCS1-SHA256', EC_EDWARDS: 'EdDSA' } as const;

/** Returns true if the signature is valid for the key, by the algorithm of its type. */
const isRight = (key: KeyObject, signature: Buffer): boolean =>
  verify(
    key.asymmetricKeyType === 'ed25519' ? null : 'sha256',
    MESSAGE,
    { key, dsaEncoding: 'ieee-p1363' },
    signature,
  );

/** The algorithm of a key. */
const OPERATIONS: Readonly<Record<string, (key: ClientPrivateKey, algorithm: string) => Promise<Buffer>>> = {
  sign: (key, algorithm) => key.sign(algorithm, MESSAGE),
  signMany: async (key, algorithm) => (await key.signMany(algorithm, [MESSAGE])).at(0),
  createSign: (key, algorithm) => {
    const stream = key.createSign(algorithm);
    stream.write(MESSAGE);
    return stream.final();
  },
};

/** EdDSA takes the message in one piece. */
const operationsOf = (type: keyof typeof ALGORITHMS) =>
  Object.entries(OPERATIONS).filter(([name]) => type !== 'EC_EDWARDS' || name !== 'createSign');

describe.each(['EC', 'RSA', 'EC_EDWARDS'] as const)('a private key of type %s', (type) => {
  const algorithm = ALGORITHMS[type];

  test.each(operationsOf(type))('is found again, itself, after the login was lost: %s', async (_, sign) => {
    for (const hasPublicKey of [true, false]) {
      const pair = await makePair(type, NAME, hasPublicKey);
      const key = await client.privateKey(NAME);
      await loseLogin();
      expect(isRight(pair.key, await sign(key, algorithm))).toBe(true);
      await beside.close();
      beside = await (await ground.token()).openSession({ readWrite: true });
      for (const object of await client.find(NAME)) await object.destroy();
    }
  });

  test.each(operationsOf(type))(
    'that was replaced is not taken for the one that it was: %s',
    async (_, sign) => {
      const pair = await makePair(type, NAME);
      const key = await client.privateKey(NAME);
      expect(isRight(pair.key, await sign(key, algorithm))).toBe(true);
      await pair.destroy();
      await makePair(type, NAME);
      await loseLogin();
      const error = await failure(sign(key, algorithm));
      expect(error).toMatchObject(NOT_FOUND);
      expect(error.message).toContain('searched for label "signing" and id 0102; one object has that name');
    },
  );

  test('whose name another key has taken, beside the old public half, is not replaced by that key', async () => {
    const pair = await makePair(type, NAME, false);
    const key = await client.privateKey(NAME);
    await pair.rename(OTHER);
    await makePair(type, NAME, false);
    await loseLogin();
    expect(await failure(key.sign(algorithm, MESSAGE))).toMatchObject(NOT_FOUND);
    expect(isRight(pair.key, await (await client.privateKey(OTHER)).sign(algorithm, MESSAGE))).toBe(true);
  });

  test.each([[{ label: 'other' }], [{ id: OTHER.id }], [OTHER]])(
    'that its client renames is found by its new name: %o',
    async (name) => {
      const pair = await makePair(type, NAME, false);
      const key = await client.privateKey(NAME);
      await key.setAttributes(name);
      expect(key).toMatchObject({ ...NAME, ...name });
      const another = await makePair(type, NAME, false);
      await loseLogin();
      expect(isRight(pair.key, await key.sign(algorithm, MESSAGE))).toBe(true);
      expect(isRight(another.key, await (await client.privateKey(NAME)).sign(algorithm, MESSAGE))).toBe(true);
    },
  );

  test('that its client renames is found under either name when the response is lost', async () => {
    for (const fault of [{ callReturn: 'CKR_DEVICE_ERROR' }, { return: 'CKR_DEVICE_ERROR' }] as const) {
      const pair = await makePair(type, NAME, false);
      const key = await client.privateKey(NAME);
      ground.fault.plan([{ function: 'C_SetAttributeValue', nth: 1, ...fault }]);
      expect(await failure(key.setAttributes(OTHER))).toMatchObject({ code: 'CKR_DEVICE_ERROR' });
      ground.fault.clear();
      await loseLogin();
      expect(isRight(pair.key, await key.sign(algorithm, MESSAGE))).toBe(true);
      await key.destroy();
      await beside.close();
      beside = await (await ground.token()).openSession({ readWrite: true });
    }
  });

  test('that the client has created is proved as well', async () => {
    const curve = { EC: 'P-256', RSA: undefined, EC_EDWARDS: 'Ed25519' }[type];
    const made = await client.generateKeyPair(type, { ...NAME, ...(curve ? { curve } : {}), token: true });
    await loseLogin();
    const publicKey = await made.publicKey.toKeyObject();
    expect(isRight(publicKey, await made.privateKey.sign(algorithm, MESSAGE))).toBe(true);
    for (const half of [made.privateKey, made.publicKey]) await half.destroy();
    await makePair(type, NAME);
    await loseLogin();
    for (const half of [made.privateKey, made.publicKey]) {
      expect((await failure(half.attributes('label'))).code).toMatch(/OBJECT_(NOT_FOUND|DEAD)$/);
    }
  });
});

describe('a secret key', () => {
  const IV = { name: 'AES-CBC', iv: Buffer.alloc(16, 7) };
  const KINDS: Readonly<Record<string, [Attributes, (key: ClientSecretKey) => Promise<Buffer>]>> = {
    AES: [{ keyType: 'AES', encrypt: true }, (key) => key.encrypt(IV, MESSAGE)],
    HMAC: [{ keyType: 'GENERIC_SECRET', sign: true }, (key) => key.sign('HMAC-SHA256', MESSAGE)],
  };
  const put = (attributes: Attributes, value: Buffer) =>
    beside.createObject({ class: 'SECRET_KEY', token: true, private: true, ...NAME, ...attributes, value });

  test.each(Object.entries(KINDS))(
    '(%s) is found again, and is not exchanged',
    async (_, [attributes, use]) => {
      const value = randomBytes(32);
      const object = await put(attributes, value);
      const key = await client.secretKey(NAME);
      const before = await use(key);
      await loseLogin();
      expect(await use(key)).toEqual(before);
      await (await client.secretKey(NAME)).destroy();
      await client.withSession(async (session) => {
        const one = { class: 'SECRET_KEY', token: true, private: true, ...NAME, ...attributes } as const;
        await session.createObject({ ...one, value: randomBytes(32) });
      });
      await loseLogin();
      expect(await failure(use(key))).toMatchObject(NOT_FOUND);
      expect(object.isTokenObject).toBe(true);
    },
  );
});

describe('a certificate and a public key', () => {
  const certificate = (text: string): Attributes => ({
    ...{ class: 'CERTIFICATE', certificateType: 'X_509', private: false, token: true, ...NAME },
    ...{ subject: Buffer.from('3000', 'hex'), value: Buffer.from(text) },
  });

  test('are found again and not replaced by others', async () => {
    const first = await beside.createObject(certificate('first'));
    const pair = await makePair('EC', NAME);
    const [itsCertificate, itsKey] = [await client.certificate(NAME), await client.publicKey(NAME)];
    await loseLogin();
    expect((await itsCertificate.attributes('value')).value?.toString()).toBe('first');
    expect((await itsKey.toKeyObject()).equals(pair.key)).toBe(true);
    await first.destroy();
    await pair.destroy().catch(() => {}); // its private half is dead for this session
    for (const object of await client.find(NAME)) await object.destroy();
    await client.createObject(certificate('second'));
    await client.generateKeyPair('EC', { ...NAME, curve: 'P-256', token: true });
    await loseLogin();
    expect(await failure(itsCertificate.attributes('value'))).toMatchObject(NOT_FOUND);
    expect(await failure(itsKey.toKeyObject())).toMatchObject(NOT_FOUND);
  });
});

describe('an object of a list', () => {
  test('is found again if its attributes identify it; a key that needs a trial is found again only if it was used', async () => {
    const [rsa, ec] = [await makePair('RSA', OTHER), await makePair('EC', NAME)];
    const signatures = ground.calls('C_Sign');
    const [itsRsa] = (await client.find({ class: 'PRIVATE_KEY', ...OTHER })) as ClientPrivateKey[];
    const [unused] = (await client.find({ class: 'PRIVATE_KEY', ...NAME })) as ClientPrivateKey[];
    const [used] = (await client.find({ class: 'PRIVATE_KEY', ...NAME })) as ClientPrivateKey[];
    expect(ground.calls('C_Sign')).toBe(signatures); // looking at a token makes no signatures
    await used?.sign('ECDSA-SHA256', MESSAGE);
    await loseLogin();
    const [one, other] = [itsRsa?.sign('RSA-PKCS1-SHA256', MESSAGE), used?.sign('ECDSA-SHA256', MESSAGE)];
    expect([isRight(rsa.key, (await one) as Buffer), isRight(ec.key, (await other) as Buffer)]).toEqual([
      true,
      true,
    ]);
    const error = await failure(unused?.sign('ECDSA-SHA256', MESSAGE) as Promise<Buffer>);
    expect(error).toMatchObject(NOT_FOUND);
    expect(error.message).toContain('so it cannot be proved to be the same');
  });
});

describe('a label that is not UTF-8', () => {
  test('is searched by its bytes after a loss', async () => {
    const label = Buffer.from('Schl\u00fcssel', 'latin1');
    const { key } = await makePair('EC', { label, id: NAME.id });
    const byId = await client.privateKey({ id: NAME.id });
    const byLabel = await client.privateKey({ label });
    const [listed] = (await client.find({ class: 'PRIVATE_KEY' })) as ClientPrivateKey[];
    expect(byId.label).toBe('Schl\ufffdssel');
    await listed?.sign('ECDSA-SHA256', MESSAGE);
    await loseLogin();
    for (const found of [byId, byLabel, listed]) {
      expect(isRight(key, (await found?.sign('ECDSA-SHA256', MESSAGE)) as Buffer)).toBe(true);
    }
  });
});

describe('a module', () => {
  test.each(['ignores-id', 'refuses-key-type', 'find-same-handle-twice'] as const)(
    'that has the oddity %s',
    async (oddity) => {
      const [pair, another] = [await makePair('EC', NAME), await makePair('EC', OTHER)];
      ground.fault.plan([{ function: '*', oddity }]);
      const key = await client.privateKey({ id: NAME.id, keyType: 'EC' });
      expect(isRight(pair.key, await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
      await loseLogin();
      expect(isRight(pair.key, await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
      const other = await client.privateKey({ id: OTHER.id });
      expect(isRight(another.key, await other.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
      expect(await failure(client.privateKey({ id: Buffer.of(9) }))).toMatchObject(NOT_FOUND);
      expect(await failure(client.privateKey({ ...NAME, keyType: 'RSA' }))).toMatchObject(NOT_FOUND);
      const found = await client.find({ id: NAME.id, keyType: 'EC' });
      expect(found.map(({ id }) => id)).toEqual([NAME.id, NAME.id]);
      expect(await client.withSession((session) => session.find({ id: NAME.id }, { limit: 2 }))).toHaveLength(
        2,
      );
    },
  );
});

describe('the trial of a key', () => {
  test.each(['ecdsa-short', 'ecdsa-der'] as const)(
    'knows it by signatures of a module that has the oddity %s',
    async (oddity) => {
      const { privateKey, publicKey } = await beside.generateKeyPair('EC', {
        ...NAME,
        curve: 'P-521', // every other half begins with a zero
        token: true,
      });
      ground.fault.plan([{ function: '*', oddity }]);
      const key = await client.privateKey(NAME);
      for (let i = 0; i < 5; i += 1) {
        await loseLogin();
        expect((await key.sign('ECDSA-SHA256', MESSAGE)).length).toBeGreaterThan(120);
      }
      expect([privateKey.isTokenObject, publicKey.isTokenObject]).toEqual([true, true]);
    },
  );

  test('runs once for all requests of the key until a loss', async () => {
    await makePair('EC', NAME);
    const before = ground.calls('C_Sign');
    await Promise.all(Array.from({ length: 20 }, () => client.privateKey(NAME)));
    const key = await client.privateKey(NAME);
    expect(ground.calls('C_Sign') - before).toBe(1);
    await loseLogin();
    await Promise.all(Array.from({ length: 20 }, () => key.sign('ECDSA-SHA256', MESSAGE)));
    expect(ground.calls('C_Sign') - before).toBe(1 + 1 + 20);
  });

  test('is omitted if the key requires a PIN that its attributes do not announce', async () => {
    const { key } = await makePair('EC', NAME);
    ground.fault.plan([{ function: 'C_SignInit', callReturn: 'CKR_USER_NOT_LOGGED_IN' }]);
    const found = await client.privateKey(NAME);
    ground.fault.clear();
    expect(isRight(key, await found.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
  });

  test('does not run if the attributes identify the key', async () => {
    await makePair('RSA', NAME);
    const before = ground.calls('C_Sign');
    const key = await client.privateKey(NAME);
    await loseLogin();
    await key.sign('RSA-PKCS1-SHA256', MESSAGE);
    expect(ground.calls('C_Sign') - before).toBe(1);
  });
});
