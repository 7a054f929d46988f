/** CKA_EC_POINT and CKA_EC_PARAMS in all forms that tokens give them: the right key, or an error. */
import { ECDH, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import type { PublicKey, Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ellipticKey } from '../../../dist/model/objects/elliptic-key-info';
import { failure, type Opened, openToken } from '../../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

/** An element of DER. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
const bitString = (bytes: Uint8Array) => der(0x03, Buffer.of(0), bytes);
const octetString = (bytes: Uint8Array) => der(0x04, bytes);
const printable = (text: string) => der(0x13, Buffer.from(text));

/** Node's names; the object identifier in DER; names that tokens use. */
const CURVES = [
  ['P-256', '06082a8648ce3d030107', ['secp256r1', 'prime256v1', 'P-256', 'NIST P-256']],
  ['P-384', '06052b81040022', ['secp384r1', 'P-384']],
  ['P-521', '06052b81040023', ['secp521r1', 'P-521']],
  ['P-224', '06052b81040021', ['secp224r1']],
  ['secp256k1', '06052b8104000a', ['secp256k1']],
  ['brainpoolP256r1', '06092b2403030208010107', ['brainpoolP256r1']],
  ['brainpoolP512r1', '06092b240303020801010d', ['brainpoolP512r1']],
] as const;

interface Pair {
  readonly publicKey: KeyObject;
  readonly point: Buffer;
  readonly compressed: Buffer;
  readonly explicit: Buffer;
}

const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  'P-224': 'secp224r1',
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};

function elliptic(namedCurve: string): Pair {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve });
  const size = { 'P-224': 57, 'P-384': 97, 'P-521': 133, brainpoolP512r1: 129 }[namedCurve] ?? 65;
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-size);
  const curve = OPENSSL_NAMES[namedCurve] ?? namedCurve;
  const compressed = ECDH.convertKey(point, curve, undefined, undefined, 'compressed') as Buffer;
  const other = generateKeyPairSync('ec', { namedCurve, paramEncoding: 'explicit' }).publicKey;
  const spki = other.export({ type: 'spki', format: 'der' });
  // SEQUENCE { SEQUENCE { OID of 9 bytes, ECParameters } BIT STRING }
  const start = spki.indexOf(Buffer.from('06072a8648ce3d0201', 'hex')) + 9;
  const explicit = spki.subarray(start, spki.length - bitString(point).length);
  return { publicKey, point, compressed, explicit };
}

const object = async (keyType: 'EC' | 'EC_EDWARDS', attributes: object) =>
  (await session.createObject({ class: 'PUBLIC_KEY', keyType, token: false, ...attributes })) as PublicKey;

/** The resulting key in its usual encoding. */
async function infoOf(key: PublicKey): Promise<string> {
  return (await key.toKeyObject()).export({ type: 'spki', format: 'der' }).toString('hex');
}
const expected = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).toString('hex');

describe.each(CURVES)('a public key on %s', (name, identifier, names) => {
  const oid = Buffer.from(identifier, 'hex');
  const pair = elliptic(name);
  const { point, compressed } = pair;

  test.each<[string, Buffer]>([
    ['a point in an OCTET STRING', octetString(point)],
    ['a point in a BIT STRING', bitString(point)],
    ['a bare point', point],
    ['X and Y', point.subarray(1)],
    ['X and Y in an OCTET STRING', octetString(point.subarray(1))],
    ['a compressed point in an OCTET STRING', octetString(compressed)],
    ['a compressed point in a BIT STRING', bitString(compressed)],
    ['a bare compressed point', compressed],
  ])('is made of %s', async (_, ecPoint) => {
    expect(await infoOf(await object('EC', { ecParams: oid, ecPoint }))).toBe(expected(pair.publicKey));
  });

  test.each(names)('is made of the name of the curve: %s', async (text) => {
    const key = await object('EC', { ecParams: printable(text), ecPoint: octetString(point) });
    expect(await infoOf(key)).toBe(expected(pair.publicKey));
  });

  test('is made of explicit parameters, with the named curve', async () => {
    const key = await object('EC', { ecParams: pair.explicit, ecPoint: octetString(compressed) });
    expect(await infoOf(key)).toBe(expected(pair.publicKey));
  });

  test('is made of the point alone', async () => {
    const key = await object('EC', { ecParams: Buffer.from('0500', 'hex'), ecPoint: octetString(point) });
    expect(await infoOf(key)).toBe(expected(pair.publicKey));
  });
});

describe('a public key', () => {
  const pair = elliptic('P-256');
  const oid = Buffer.from('06082a8648ce3d030107', 'hex');

  test.each(['04', '3f', '40', '41', '81'])('whose X begins with %s is not taken for DER', async (begin) => {
    let found: Pair;
    do found = elliptic('P-256');
    while (found.point[1] !== Number.parseInt(begin, 16));
    for (const ecPoint of [found.point, found.point.subarray(1)]) {
      expect(await infoOf(await object('EC', { ecParams: oid, ecPoint }))).toBe(expected(found.publicKey));
    }
  });

  test.each([
    ['Ed25519', 'EC_EDWARDS', '06032b6570', ['edwards25519', 'Ed25519']],
    ['Ed448', 'EC_EDWARDS', '06032b6571', ['edwards448']],
  ] as const)('of %s is made of each form', async (type, keyType, identifier, names) => {
    const { publicKey } = generateKeyPairSync(type.toLowerCase() as 'ed25519');
    const size = { Ed25519: 32, Ed448: 57 }[type];
    const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-size);
    const empty = Buffer.from('0500', 'hex');
    for (const ecParams of [Buffer.from(identifier, 'hex'), ...names.map(printable), empty]) {
      for (const ecPoint of [point, octetString(point), bitString(point)]) {
        expect(await infoOf(await object(keyType, { ecParams, ecPoint }))).toBe(expected(publicKey));
      }
    }
  });

  test.each<[string, () => object]>([
    ['a point that is not on the curve', () => ({ ecParams: oid, ecPoint: octetString(spoilt()) })],
    [
      'a point of another curve',
      () => ({ ecParams: oid, ecPoint: octetString(elliptic('secp256k1').point) }),
    ],
    [
      'a name that no curve has',
      () => ({ ecParams: printable('secp256r2'), ecPoint: octetString(pair.point) }),
    ],
    [
      'explicit parameters with another generator',
      () => ({ ecParams: swapped(), ecPoint: bitString(pair.compressed) }),
    ],
    [
      'a compressed point alone',
      () => ({ ecParams: Buffer.of(5, 0), ecPoint: octetString(pair.compressed) }),
    ],
    [
      'a point on no curve that is known',
      () => ({ ecParams: Buffer.of(5, 0), ecPoint: octetString(spoilt()) }),
    ],
  ])('is not made of %s', async (what, attributes) => {
    const key = await object('EC', attributes());
    if (what.startsWith('explicit')) {
      // OpenSSL may take them as they are; they are never said to be the curve that they resemble.
      const made = await key.toKeyObject().catch(() => undefined);
      expect(made?.asymmetricKeyDetails?.namedCurve).not.toBe('prime256v1');
    } else {
      expect(await failure(key.toKeyObject())).toMatchObject({ code: 'ERR_CRYPTOKI_UNSUPPORTED' });
    }
  });

  const spoilt = (): Buffer => {
    const point = Buffer.from(pair.point);
    point[64] = (point[64] as number) ^ 1;
    return point;
  };
  /** -G in the place of G: another group for whoever compares the curve only. */
  const swapped = (): Buffer => {
    const { explicit } = pair;
    const made = Buffer.from(explicit);
    const at = made.indexOf(Buffer.from('4fe342e2fe1a7f9b', 'hex'));
    const p = BigInt('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff');
    const y = BigInt(`0x${made.subarray(at, at + 32).toString('hex')}`);
    made.write((p - y).toString(16).padStart(64, '0'), at, 'hex');
    return made;
  };
});

// CN=cryptoki test, EC P-256, self-signed, valid to 2126
const CERTIFICATE = Buffer.from(
  'MIIBhzCCAS2gAwIBAgIULkbcHHT1YJSF/4dk9i3gK2HEJJ4wCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNY3J5cHRva2' +
    'kgdGVzdDAgFw0yNjExMjExMzA0NDRaGA8yMTI2MTAyODEzMDQ0NFowGDEWMBQGA1UEAwwNY3J5cHRva2kgdGVzdDBZ' +
    'MBMGByqGSM49AgEGCCqGSM49AwEHA0IABDmiWm7y6XKiJ+AF+sCAjhnH0kSxNquw9fVn6xzBiRPJoHZvIGjDGsVofg' +
    'cVduu7RoCzjy5AwlyVwqyDKnNyQQajUzBRMB0GA1UdDgQWBBTfO33vrI5OM2/XuJLyBJ57j807hTAfBgNVHSMEGDAW' +
    'gBTfO33vrI5OM2/XuJLyBJ57j807hTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIG67aQiWxoipB2' +
    'V1m8FlBp0ajLCJz6cn+5Qi9oyHRRlPAiEAgu/PsqarXwYtudmCxO5wIglcWsFk/VwObcWanzoVsu4=',
  'base64',
);

test('a certificate tells the curve of a compressed point, when it has that point', async () => {
  const { publicKey } = new X509Certificate(CERTIFICATE);
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  const compressed = ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'compressed') as Buffer;
  const [id, ecParams] = [Buffer.from('forms'), Buffer.of(5, 0)];
  const key = await object('EC', { id, ecParams, ecPoint: octetString(compressed) });
  const other = await object('EC', { id, ecParams, ecPoint: elliptic('P-256').compressed });
  expect(await failure(key.toKeyObject())).toMatchObject({ code: 'ERR_CRYPTOKI_UNSUPPORTED' });
  const subject = Buffer.from('30183116301406035504030c0d63727970746f6b692074657374', 'hex');
  const certificate = { class: 'CERTIFICATE', certificateType: 'X_509', private: false } as const;
  await session.createObject({ ...certificate, id, subject, value: CERTIFICATE });
  expect(await infoOf(key)).toBe(expected(publicKey));
  expect(await failure(other.toKeyObject())).toMatchObject({ code: 'ERR_CRYPTOKI_UNSUPPORTED' });
});

test.each([
  '3c0f7e51b054d6c2d40c989400b19530da54dd19ea993afb706d1e0b4e842723',
  '3e0fd2be503bf93256bd57f2b007a200c332a2e5b865d124bbf21e4ba59eed4b',
  '180db390d2504cf1343752fbc6909002ce801429a467c623579e0bd7d36f3a2e',
])('a plain key that begins like an element of DER in a wrong form is accepted: %s', (hex) => {
  const key = ellipticKey(Buffer.from('06032b656e', 'hex'), Buffer.from(hex, 'hex'));
  expect(key.export({ format: 'jwk' }).x).toBe(Buffer.from(hex, 'hex').toString('base64url'));
});
