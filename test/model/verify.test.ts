import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Attributes, MechanismInput, PublicKey, SecretKey, Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

/** A signature made by node:crypto, with the key and algorithm for the token. */
interface Signed {
  readonly algorithm: MechanismInput;
  readonly key: PublicKey | SecretKey;
  sign(message: Buffer): Buffer;
}

const HASHES = ['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'] as const;
const CURVES = {
  'P-256': { oid: '06082a8648ce3d030107', node: 'P-256' },
  'P-384': { oid: '06052b81040022', node: 'P-384' },
  'P-521': { oid: '06052b81040023', node: 'P-521' },
  secp256k1: { oid: '06052b8104000a', node: 'secp256k1' },
} as const;
const HMAC_VALUE = Buffer.alloc(64, 'value');

let opened: Opened;
let session: Session;
const signed = new Map<string, Signed>();

const decode = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');

/** DER of an OCTET STRING of less than 256 bytes. */
function octetString(bytes: Buffer): Buffer {
  const header = bytes.length < 128 ? [4, bytes.length] : [4, 0x81, bytes.length];
  return Buffer.concat([Buffer.from(header), bytes]);
}

async function importKey(attributes: Attributes): Promise<PublicKey> {
  const template = { class: 'PUBLIC_KEY', private: false, verify: true, ...attributes } as const;
  return (await session.createObject(template)) as PublicKey;
}

async function addElliptic(): Promise<void> {
  for (const [name, { oid, node }] of Object.entries(CURVES)) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: node });
    const { x, y } = publicKey.export({ format: 'jwk' });
    const ecPoint = octetString(Buffer.concat([Buffer.from([4]), decode(x), decode(y)]));
    const key = await importKey({ keyType: 'EC', ecParams: Buffer.from(oid, 'hex'), ecPoint });
    for (const hash of HASHES) {
      signed.set(`ECDSA-${hash} on ${name}`, {
        algorithm: `ECDSA-${hash}`,
        key,
        sign: (message) => sign(hash, message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      });
    }
  }
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const ecPoint = octetString(decode(publicKey.export({ format: 'jwk' }).x));
  const key = await importKey({ keyType: 'EC_EDWARDS', ecParams: Buffer.from('06032b6570', 'hex'), ecPoint });
  signed.set('EdDSA', { algorithm: 'EdDSA', key, sign: (message) => sign(null, message, privateKey) });
}

function addRsa(key: PublicKey, privateKey: KeyObject): void {
  const pss = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING };
  for (const hash of HASHES) {
    const add = (name: string, algorithm: MechanismInput, make: Signed['sign']) =>
      signed.set(name, { algorithm, key, sign: make });
    add(`RSA-PKCS1-${hash}`, `RSA-PKCS1-${hash}`, (message) => sign(hash, message, privateKey));
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
    add(`RSA-PSS-${hash}`, `RSA-PSS-${hash}`, (message) => sign(hash, message, { ...pss, saltLength }));
    const unsalted = { name: `RSA-PSS-${hash}`, saltLength: 0 };
    add(`RSA-PSS-${hash} without salt`, unsalted, (message) =>
      sign(hash, message, { ...pss, saltLength: 0 }),
    );
  }
}

beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
  await addElliptic();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n, e } = publicKey.export({ format: 'jwk' });
  addRsa(await importKey({ keyType: 'RSA', modulus: decode(n), publicExponent: decode(e) }), privateKey);
  const template = {
    class: 'SECRET_KEY',
    keyType: 'GENERIC_SECRET',
    verify: true,
    value: HMAC_VALUE,
  } as const;
  const key = (await session.createObject(template)) as SecretKey;
  for (const hash of HASHES) {
    signed.set(`HMAC-${hash}`, {
      algorithm: `HMAC-${hash}`,
      key,
      sign: (message) => createHmac(hash, HMAC_VALUE).update(message).digest(),
    });
  }
});
afterAll(() => opened.close());

const NAMES = [
  ...Object.keys(CURVES).flatMap((curve) => HASHES.map((hash) => `ECDSA-${hash} on ${curve}`)),
  'EdDSA',
  ...HASHES.flatMap((hash) => [`RSA-PKCS1-${hash}`, `RSA-PSS-${hash}`, `RSA-PSS-${hash} without salt`]),
  ...HASHES.map((hash) => `HMAC-${hash}`),
];

describe.each(NAMES)('a signature with %s', (name) => {
  const message = Buffer.from('a message of some length');
  const it = (): Signed => signed.get(name) as Signed;

  test('by node:crypto verifies on the token, for messages of every size', async () => {
    const { key, algorithm } = it();
    for (const size of [0, 1, 31, 32, 33, 100_000]) {
      const data = Buffer.alloc(size, 'data');
      const signature = it().sign(data);
      expect(await key.verify(algorithm, data, signature)).toBe(true);
      expect(key.verifySync(algorithm, data, signature)).toBe(true);
    }
  });

  test('does not verify for another message, or after a change of any byte or of its length', async () => {
    const { key, algorithm } = it();
    const signature = it().sign(message);
    expect(await key.verify(algorithm, Buffer.from('another message'), signature)).toBe(false);
    const wrongOnes: Buffer[] = [0, signature.length >> 1, signature.length - 1].map((position) => {
      const changed = Buffer.from(signature);
      changed.writeUInt8(changed.readUInt8(position) ^ 1, position);
      return changed;
    });
    wrongOnes.push(
      Buffer.alloc(0),
      Buffer.alloc(1),
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.concat([signature, Buffer.alloc(1)]),
      Buffer.alloc(signature.length),
      Buffer.alloc(signature.length, 255),
      Buffer.alloc(10_000, 1),
    );
    for (const other of wrongOnes) {
      expect(await key.verify(algorithm, message, other)).toBe(false);
      expect(key.verifySync(algorithm, message, other)).toBe(false);
    }
    expect(await key.verify(algorithm, message, signature)).toBe(true);
  });
});

describe('verify()', () => {
  const message = Buffer.from('message');

  test('returns false for the signature of another key', async () => {
    const { publicKey } = await session.generateKeyPair('EC', { curve: 'P-256' });
    const signature = signed.get('ECDSA-SHA256 on P-256')?.sign(message) ?? Buffer.alloc(0);
    expect(await publicKey.verify('ECDSA-SHA256', message, signature)).toBe(false);
  });

  test('accepts any type of bytes as signature', async () => {
    const { key, algorithm, sign: make } = signed.get('HMAC-SHA256') as Signed;
    const signature = make(message);
    for (const form of [
      new Uint8Array(signature),
      new Uint8Array(signature).buffer,
      new DataView(new Uint8Array(signature).buffer),
    ]) {
      expect(await key.verify(algorithm, message, form)).toBe(true);
    }
  });

  test.each(['HMAC-SHA256', 'ECDSA-SHA256 on P-256'])(
    'with %s copies message and signature first',
    async (name) => {
      const { key, algorithm, sign: make } = signed.get(name) as Signed;
      const mine = Buffer.from(message);
      const signature = make(mine);
      const verifying = key.verify(algorithm, mine, signature);
      mine.fill(0);
      signature.fill(0);
      expect(await verifying).toBe(true);
    },
  );

  test.each<[unknown]>([[undefined], [null], ['text'], [5], [[1]], [{}]])(
    'refuses %o as signature',
    async (signature) => {
      const { key, algorithm } = signed.get('ECDSA-SHA256 on P-256') as Signed;
      const wanted = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
      expect(await failure(key.verify(algorithm, message, wrong(signature)))).toMatchObject(wanted);
      expect(await failure(() => key.verifySync(algorithm, message, wrong(signature)))).toMatchObject(wanted);
    },
  );

  test('with a key that may not verify throws, and the session remains usable', async () => {
    const { publicKey } = await session.generateKeyPair('EC', {
      curve: 'P-256',
      publicKey: { verify: false },
    });
    const error = await failure(publicKey.verify('ECDSA-SHA256', message, Buffer.alloc(64)));
    expect(error).toMatchObject({ code: 'CKR_KEY_FUNCTION_NOT_PERMITTED', function: 'C_VerifyInit' });
    expect(await session.find({ class: 'PUBLIC_KEY' })).not.toHaveLength(0);
  });

  test('with a mechanism that the token lacks throws', async () => {
    const { key } = signed.get('ECDSA-SHA256 on P-256') as Signed;
    const error = await failure(key.verify({ mechanism: 'ECDSA_SHA256' }, message, Buffer.alloc(64)));
    expect(error).toMatchObject({ code: 'CKR_MECHANISM_INVALID', function: 'C_VerifyInit' });
  });
});
