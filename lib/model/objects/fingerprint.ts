/** Proves by a trial operation that a key found again is the same, if its attributes do not prove it. */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  verify,
} from 'node:crypto';
import { isCode } from '../../core/errors';
import { type Curve, curveOf } from '../mechanisms/curves';
import { hasSigners, signersOf } from '../mechanisms/ecdsa-recovery';
import type { ModelObject } from '../model-types';
import { agree, CANNOT } from '../native-keys/proof';
import { isRefusal } from '../native-keys/reading';
import type { PrivateKey } from './private-key';
import type { SecretKey } from './secret-key';

/** The result of an operation of one key, with which another key object is compared. */
export interface Fingerprint {
  /**
   * Returns true when `key` is the same key.
   * @throws errors of the module that do not depend on the key
   */
  fits(key: ModelObject): Promise<boolean>;
}

/** Makes the fingerprint of a key. Throws if the key does not permit the operation, or the token does not support it. */
type Maker = (key: ModelObject) => Promise<Fingerprint>;

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64');

/** Returns a maker from an operation that has the same result each time. */
function repeating(work: (key: ModelObject, challenge: Buffer) => Promise<Buffer>): Maker {
  return async (key) => {
    const challenge = randomBytes(32);
    const before = hash(await work(key, challenge));
    return { fits: async (other) => hash(await work(other, challenge)) === before };
  };
}

const signing = (algorithm: string | { name: string; saltLength: number }): Maker =>
  repeating((key, challenge) => (key as PrivateKey).sign(algorithm, challenge));
const mac = (mechanism: string | { mechanism: 'AES_CMAC' }): Maker =>
  repeating((key, challenge) => (key as SecretKey).sign(mechanism, challenge));

const NO_IV = Buffer.alloc(16);

const AES: readonly Maker[] = [
  repeating((key, challenge) => (key as SecretKey).encrypt({ mechanism: 'AES_ECB' }, challenge)),
  repeating((key, challenge) =>
    (key as SecretKey).encrypt({ mechanism: 'AES_CBC', parameter: NO_IV }, challenge),
  ),
  mac({ mechanism: 'AES_CMAC' }),
  repeating((key, challenge) => (key as SecretKey).decrypt({ mechanism: 'AES_ECB' }, challenge)),
  repeating((key, challenge) =>
    (key as SecretKey).decrypt({ mechanism: 'AES_CBC', parameter: NO_IV }, challenge),
  ),
];
const DES3: readonly Maker[] = [
  repeating((key, challenge) => (key as SecretKey).encrypt({ mechanism: 'DES3_ECB' }, challenge)),
  repeating((key, challenge) =>
    (key as SecretKey).encrypt({ mechanism: 'DES3_CBC', parameter: NO_IV.subarray(8) }, challenge),
  ),
];
const MACS = ['HMAC-SHA256', 'HMAC-SHA512', 'HMAC-SHA384', 'HMAC-SHA1', 'HMAC-SHA224'].map(mac);

/** Limit of attempts: some modules cut zeros off the halves of a signature, and another signature is needed if r and s are ambiguous. */
const MAX_SIGNATURES = 8;

/** Returns a signature with halves of full length; DER, which some modules return, unchanged; undefined if r and s are ambiguous. */
function whole(signature: Buffer, size: number): Buffer | undefined {
  if (signature.length === 2 * size || signature[0] === 0x30) return signature;
  const half = signature.length / 2;
  if (half > size || !Number.isInteger(half)) return undefined;
  const zeros = Buffer.alloc(size - half);
  return Buffer.concat([zeros, signature.subarray(0, half), zeros, signature.subarray(half)]);
}

/** Returns a maker for ECDSA, whose signatures differ each time: the first one determines two possible public keys. */
function ecdsa({ oid, name, pointLength }: Curve): Maker {
  const sign = async (key: ModelObject): Promise<{ message: Buffer; signature: Buffer }> => {
    let message = randomBytes(32);
    let signature: Buffer | undefined;
    for (let i = 0; i < MAX_SIGNATURES; i += 1) {
      signature = whole(await (key as PrivateKey).sign('ECDSA-SHA256', message), (pointLength - 1) / 2);
      if (signature !== undefined) break;
      message = randomBytes(32);
    }
    return { message, signature: signature ?? Buffer.alloc(0) };
  };
  return async (key) => {
    const first = await sign(key);
    let signers: KeyObject[] | undefined;
    return {
      fits: async (other) => {
        const { message, signature } = await sign(other);
        const digest = createHash('sha256').update(first.message).digest();
        signers ??= signersOf(name, oid, digest, first.signature); // takes some milliseconds
        return signers.some(
          (signer) =>
            verify('sha256', message, { key: signer, dsaEncoding: 'ieee-p1363' }, signature) ||
            verify('sha256', message, signer, signature),
        );
      },
    };
  };
}

/** Returns a maker from a key agreement with a new key pair. */
function agreeing(namedCurve: string): Maker {
  return async (key) => {
    const peer =
      namedCurve === 'X25519'
        ? generateKeyPairSync('x25519')
        : namedCurve === 'X448'
          ? generateKeyPairSync('x448')
          : generateKeyPairSync('ec', { namedCurve });
    const publicKey = createPublicKey(peer.privateKey);
    const before = hash(await agree(key as PrivateKey, publicKey));
    return { fits: async (other) => hash(await agree(other as PrivateKey, publicKey)) === before };
  };
}

function makersFor(key: ModelObject, ecParams: Buffer | undefined): readonly Maker[] {
  if (key.class === 'SECRET_KEY') {
    const { keyType } = key as SecretKey;
    if (keyType === 'AES') return AES;
    if (keyType === 'DES2' || keyType === 'DES3') return DES3;
    return /HMAC|GENERIC/.test(String(keyType)) ? MACS : [];
  }
  if (key.class !== 'PRIVATE_KEY') return [];
  const curve = ecParams === undefined ? undefined : curveOf(ecParams);
  switch ((key as PrivateKey).keyType) {
    case 'RSA':
      return [signing('RSA-PKCS1-SHA256'), signing({ name: 'RSA-PSS-SHA256', saltLength: 0 })];
    case 'EC':
      if (curve?.keyType !== 'EC') return [];
      return hasSigners(curve.name) ? [ecdsa(curve), agreeing(curve.name)] : [agreeing(curve.name)];
    case 'EC_EDWARDS':
      return [signing('EdDSA')];
    case 'EC_MONTGOMERY':
      return curve?.keyType === 'EC_MONTGOMERY' ? [agreeing(curve.name)] : [];
    default:
      return []; // some of the other keys can make a limited number of signatures only
  }
}

/**
 * Makes the fingerprint of a key from a signature, an encryption or a key agreement with random data. Not for keys that need
 * a PIN for each operation.
 * @returns undefined for a key that supports none of these operations
 * @throws errors that mean that session, login, object or token is lost
 */
export async function fingerprintOf(
  key: ModelObject,
  ecParams: Buffer | undefined,
): Promise<Fingerprint | undefined> {
  for (const make of makersFor(key, ecParams)) {
    try {
      const { fits } = await make(key);
      return { fits: async (other) => (await unlessAnother(fits(other))) ?? false };
    } catch (error) {
      if (!isCode(error, 'ERR_CRYPTOKI_UNSUPPORTED') && !isRefusal(error) && !needsPin(key, error))
        throw error;
    }
  }
  return undefined;
}

/** Returns true for a key with CKA_ALWAYS_AUTHENTICATE, which some modules do not return: it fails although the user is logged in. */
function needsPin({ session }: ModelObject, error: unknown): boolean {
  return isCode(error, 'CKR_USER_NOT_LOGGED_IN') && session.token.user === 'USER';
}

/** Errors that prove that it is another key: it does not permit the operation, or cannot process the data of the first key. */
const ANOTHER = [
  ...CANNOT,
  ...['CKR_DATA_INVALID', 'CKR_DATA_LEN_RANGE', 'CKR_ENCRYPTED_DATA_INVALID', 'CKR_ENCRYPTED_DATA_LEN_RANGE'],
];

async function unlessAnother(result: Promise<boolean>): Promise<boolean | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isCode(error, ...ANOTHER)) return undefined;
    throw error;
  }
}
