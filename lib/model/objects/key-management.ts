/** The operations of keys that make other keys (PKCS#11 3.1, section 5.18), in groups that have the names of their attributes. */
import type { MechanismInput } from '../mechanisms/mechanism';
import type { ModelKey } from '../model-types';
import { deriveBits, deriveKey } from '../operations/derive';
import type { NewSecretKeyOptions } from './new-key';

/** The methods of a capability. Their descriptions are in its interface. */
type Capability<T> = T & ThisType<ModelKey & T>;

/** Keys from which others are derived: private keys (key agreement) and secret keys. @typeParam S the class SecretKey */
export interface Deriving<S> {
  /**
   * Derives a secret key on the token (C_DeriveKey, PKCS#11 3.1, section 5.18.5). The new key is sensitive, not extractable, a
   * session object, and cannot do anything that `options` do not ask for.
   * @param algorithm { name: 'ECDH', publicKey, kdf?, sharedData? }: `publicKey` is a public KeyObject, a PublicKey of any token, or
   *   the bytes of a point on the curve of this key (EC, X25519, X448); `kdf` a hash function for the KDF of ANSI X9.63
   *   ('SHA-256'). Without a KDF the key is the whole shared secret, and its length must be that of the secret (32 bytes for
   *   P-256 and X25519). { name: 'HKDF', hash, salt?, info? }. Or a mechanism: { mechanism: 'CONCATENATE_BASE_AND_DATA',
   *   parameter }
   * @param options.keyType default 'GENERIC_SECRET'
   * @param options.usage 'encrypt', 'sign', 'derive', 'wrap'; default none
   * @param options.valueLen the length in bytes; default 32, or that of the shared secret
   * @throws TypeError ERR_INVALID_ARG_VALUE, TypeError ERR_INVALID_ARG_TYPE for a public key that is not on the curve of this key,
   *   or of small order; CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_TEMPLATE_INCONSISTENT,
   *   CKR_MECHANISM_INVALID; ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_OBJECT_DEAD
   */
  deriveKey(algorithm: MechanismInput, options?: NewSecretKeyOptions): Promise<S>;

  /**
   * Derives bits: derives a session object, reads its value and destroys it, as one native job (C_DeriveKey,
   * C_GetAttributeValue, C_DestroyObject). The object does not stay if its value cannot be read.
   * @param algorithm as for {@link deriveKey}
   * @param length in bits, a multiple of 8; null for the whole shared secret of ECDH, or the length that a mechanism determines.
   *   Fewer bits than the secret has are its first ones, as in WebCrypto.
   * @throws RangeError ERR_OUT_OF_RANGE for a length that the algorithm cannot produce; CKR_ATTRIBUTE_SENSITIVE if the module
   *   does not let the value of a derived key be read; the errors of {@link deriveKey}
   */
  deriveBits(algorithm: MechanismInput, length: number | null): Promise<Buffer>;
}

/** The capability for the class S. */
export function deriving<S>(): Capability<Deriving<S>> {
  return {
    async deriveKey(algorithm, options = {}) {
      return (await this.session.adoptMade(await deriveKey(this, algorithm, options))) as S;
    },
    deriveBits(algorithm, length) {
      return deriveBits(this, algorithm, length);
    },
  };
}
