/** Proves that a public key belongs to a private key in a token, by an operation of the private key that fits no other key. */
import {
  constants,
  createHash,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  type SignKeyObjectInput,
  verify,
} from 'node:crypto';
import { BitString, fromBER, Sequence } from 'asn1js';
import { type CryptokiError, isCode, ownError } from '../../core/errors';
import { CKA, CKD, CKK, CKM, CKO } from '../../generated/constants';
import { curveOf } from '../mechanisms/curves';
import { HASHES, type Hash } from '../mechanisms/digest';
import type { MechanismInput } from '../mechanisms/mechanism';
import type { ModelPrivateKey } from '../model-types';
import { isRefusal, readable } from './reading';

/**
 * An operation of the private key. Its result is true when only the private key of the candidate can have this result. It
 * throws if the key does not permit the operation, or the token does not support it.
 */
type Trial = (candidate: KeyObject) => Promise<boolean>;

/** Errors after which another trial may be possible: the key does not permit the operation, or the token does not support it. */
export const CANNOT = [
  ...['CKR_KEY_FUNCTION_NOT_PERMITTED', 'CKR_KEY_TYPE_INCONSISTENT', 'CKR_KEY_SIZE_RANGE'],
  ...['CKR_MECHANISM_INVALID', 'CKR_MECHANISM_PARAM_INVALID', 'CKR_FUNCTION_NOT_SUPPORTED'],
  ...['CKR_ACTION_PROHIBITED', 'ERR_CRYPTOKI_UNSUPPORTED'],
];
/** Errors of a private key that does not belong to the candidate, because it cannot process the data. */
const FOREIGN_DATA = [
  ...['CKR_DATA_INVALID', 'CKR_DATA_LEN_RANGE', 'CKR_ENCRYPTED_DATA_INVALID'],
  ...['CKR_ENCRYPTED_DATA_LEN_RANGE', 'CKR_FUNCTION_FAILED', 'CKR_GENERAL_ERROR'],
];

/** Hashes to try, for tokens that only have mechanisms that compute the digest. */
const ECDSA_HASHES = ['SHA256', 'SHA384', 'SHA512', 'SHA1'];
const P1363 = { dsaEncoding: 'ieee-p1363' } as const;
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const;

/** Types of keys in node:crypto by CKA_KEY_TYPE. SoftHSM2 has keys on Montgomery curves as CKK_EC_EDWARDS. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  RSA: ['rsa', 'rsa-pss'],
  EC: ['ec'],
  EC_EDWARDS: ['ed25519', 'ed448', 'x25519', 'x448'],
  EC_MONTGOMERY: ['x25519', 'x448'],
  ML_DSA: ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'],
};

/** Compares public keys with one private key. Each signature is made once, for all candidates. */
export class Proof {
  readonly #key: ModelPrivateKey;
  readonly #challenge = randomBytes(32);
  readonly #signatures = new Map<string, Promise<Buffer>>();

  /** @param key on a session that is not used for anything else during the proof */
  constructor(key: ModelPrivateKey) {
    this.#key = key;
  }

  /**
   * Returns true when the public key belongs to the private key.
   * @throws ERR_CRYPTOKI_UNSUPPORTED if no operation of the private key can prove it; errors of the module
   */
  async proves(candidate: KeyObject): Promise<boolean> {
    const type = candidate.asymmetricKeyType ?? '';
    const types = TYPES[String(this.#key.keyType)];
    if (types !== undefined && !types.includes(type)) return false;
    if (type.startsWith('x') && !(await this.#mayAgree())) return false;
    let refusal: unknown;
    for (const trial of this.#trials(type)) {
      try {
        return await trial(candidate);
      } catch (error) {
        if (isCode(error, ...CANNOT)) continue;
        if (!isRefusal(error)) throw error;
        refusal ??= error;
      }
    }
    throw refusal ?? this.#unsupported();
  }

  /** Returns false for a key on an Edwards curve, which may have the same type as one on a Montgomery curve. */
  async #mayAgree(): Promise<boolean> {
    const { ecParams } = await readable(this.#key, 'ecParams');
    return ecParams === undefined || curveOf(ecParams)?.keyType !== 'EC_EDWARDS';
  }

  #unsupported(): CryptokiError {
    return ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `the private key "${this.#key.label ?? ''}" can neither sign, decrypt nor derive with this token, so it cannot be ` +
        'used as a native key, and its public key cannot be proved',
    );
  }

  #trials(type: string): readonly Trial[] {
    switch (type) {
      case 'rsa':
      case 'rsa-pss':
        return [
          this.#signs('RSA-PKCS1-SHA256', (key) => key),
          this.#signs('RSA-PSS-SHA256', (key) => ({ key, ...PSS })),
          (candidate) => this.#signsRaw(candidate),
          this.#decrypts('RSA-PKCS1', { padding: constants.RSA_PKCS1_PADDING }),
          this.#decrypts('RSA-OAEP-SHA256', { oaepHash: 'sha256' }),
          this.#decrypts('RSA-OAEP-SHA1', { oaepHash: 'sha1' }),
        ];
      case 'ec':
        return [...ECDSA_HASHES.map((hash) => this.#ecdsa(hash)), (candidate) => this.#derives(candidate)];
      case 'ed25519':
      case 'ed448':
        return [
          async (candidate) => verify(null, this.#challenge, candidate, await this.#signature('EdDSA')),
        ];
      case 'x25519':
      case 'x448':
        return [(candidate) => this.#derives(candidate)];
      case 'ml-dsa-44':
      case 'ml-dsa-65':
      case 'ml-dsa-87':
        return [
          async (candidate) =>
            verify(null, this.#challenge, candidate, await this.#signature({ mechanism: 'ML_DSA' })),
        ];
      default:
        return [];
    }
  }

  #signature(algorithm: string | { readonly mechanism: 'ML_DSA' }): Promise<Buffer> {
    const name = typeof algorithm === 'string' ? algorithm : algorithm.mechanism;
    let signature = this.#signatures.get(name);
    if (signature === undefined) {
      signature = this.#key.sign(algorithm, this.#challenge);
      this.#signatures.set(name, signature);
    }
    return signature;
  }

  #signs(algorithm: string, input: (key: KeyObject) => KeyObject | SignKeyObjectInput): Trial {
    return async (candidate) =>
      verify('sha256', this.#challenge, input(candidate), await this.#signature(algorithm));
  }

  /** Returns a trial with ECDSA. Some modules return the signature in DER. */
  #ecdsa(hash: string): Trial {
    return async (candidate) => {
      const signature = await this.#signature(`ECDSA-${hash}`);
      const { node } = HASHES[hash] as Hash;
      return (
        verify(node, this.#challenge, { key: candidate, ...P1363 }, signature) ||
        verify(node, this.#challenge, candidate, signature)
      );
    };
  }

  /** Signs with RSA without padding; the padding is made here (RFC 8017, section 9.2). */
  async #signsRaw(candidate: KeyObject): Promise<boolean> {
    const size = Math.ceil((candidate.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
    const { digestInfo } = HASHES.SHA256 as Hash;
    const digest = createHash('sha256').update(this.#challenge).digest();
    const info = Buffer.concat([Buffer.from(digestInfo, 'hex'), digest]);
    const padding = Buffer.alloc(Math.max(size - info.length - 3, 8), 0xff);
    const block = Buffer.concat([Buffer.of(0, 1), padding, Buffer.of(0), info]);
    const signature = await unlessForeign(this.#key.sign({ mechanism: 'RSA_X_509' }, block));
    return signature !== undefined && verify('sha256', this.#challenge, candidate, signature);
  }

  #decrypts(algorithm: MechanismInput, options: object): Trial {
    return async (candidate) => {
      const message = publicEncrypt({ key: candidate, ...options }, this.#challenge);
      const plain = await unlessForeign(this.#key.decrypt(algorithm, message));
      return plain?.equals(this.#challenge) ?? false;
    };
  }

  /** Compares the results of ECDH with a new key pair. */
  async #derives(candidate: KeyObject): Promise<boolean> {
    const { namedCurve = '' } = candidate.asymmetricKeyDetails ?? {};
    const type = candidate.asymmetricKeyType;
    const pair =
      type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve })
        : type === 'x25519'
          ? generateKeyPairSync('x25519')
          : generateKeyPairSync('x448');
    const secret = diffieHellman({ privateKey: pair.privateKey, publicKey: candidate });
    const derived = await unlessForeign(agree(this.#key, pair.publicKey));
    return derived?.equals(secret) ?? false;
  }
}

async function unlessForeign(result: Promise<Buffer>): Promise<Buffer | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isCode(error, ...FOREIGN_DATA)) return undefined;
    throw error;
  }
}

/** Returns the point of a public key of ECDH, and the length of the shared secret in bytes. */
function pointOf(publicKey: KeyObject): { readonly point: Buffer; readonly length: number } {
  const info = publicKey.export({ type: 'spki', format: 'der' });
  const { result } = fromBER(new Uint8Array(info).buffer);
  const [, bits] = result instanceof Sequence ? result.valueBlock.value : [];
  const point = Buffer.from(bits instanceof BitString ? bits.valueBlock.valueHexView : []);
  const hasCoordinates = publicKey.asymmetricKeyType === 'ec'; // the byte 4, x and y
  return { point, length: hasCoordinates ? (point.length - 1) / 2 : point.length };
}

/** Computes the shared secret of a private key and a public key by CKM_ECDH1_DERIVE. */
export function agree(key: ModelPrivateKey, publicKey: KeyObject): Promise<Buffer> {
  const { point, length } = pointOf(publicKey);
  return derive(key, point, length);
}

/** Derives a key by CKM_ECDH1_DERIVE, and returns its value. */
async function derive(key: ModelPrivateKey, point: Buffer, length: number): Promise<Buffer> {
  const { session } = key;
  const raw = key.use();
  const parameter = { structure: 'CK_ECDH1_DERIVE_PARAMS', kdf: CKD.NULL, publicData: point };
  const secret = await raw.C_DeriveKey(session.name, { mechanism: CKM.ECDH1_DERIVE, parameter }, key.handle, [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
    { type: CKA.TOKEN, value: false },
    { type: CKA.PRIVATE, value: false },
    { type: CKA.SENSITIVE, value: false },
    { type: CKA.EXTRACTABLE, value: true },
    { type: CKA.VALUE_LEN, value: length },
  ]);
  try {
    const [result] = await raw.C_GetAttributeValue(session.name, secret, [CKA.VALUE], true);
    const value = result !== undefined && 'value' in result ? result.value : undefined;
    return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
  } finally {
    await raw.C_DestroyObject(session.name, secret);
  }
}
