/** The operations of keys that make other keys (PKCS#11 3.1, section 5.18), in groups that have the names of their attributes. */
import type { BytesLike } from '../../raw/values';
import type { Ciphertext } from '../mechanisms/made-iv';
import type { MechanismInput } from '../mechanisms/mechanism';
import type { ModelKey, ModelObject } from '../model-types';
import { deriveBits, deriveKey } from '../operations/derive';
import { decapsulate, encapsulate, unwrapKey, wrapKey } from '../operations/wrap';
import type {
  NewSecretKeyOptions,
  UnwrapOptions,
  UnwrapPrivateKeyOptions,
  UnwrapSecretKeyOptions,
} from './new-key';

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

/** Keys that wrap others: public keys (RSA) and secret keys. */
export interface Wrapping {
  /**
   * Wraps a key: encrypts its value on the token (C_WrapKey, PKCS#11 3.1, section 5.18.3). The wrapped key must have
   * CKA_EXTRACTABLE.
   * @param algorithm 'AES-KW' (RFC 3394), 'AES-KWP' (RFC 5649), { name: 'AES-GCM', iv }, { name: 'AES-CBC', iv },
   *   'RSA-OAEP-SHA256' (or { name, label }), 'RSA-PKCS1', or a mechanism. AES-KW wraps values of a multiple of 8 bytes only.
   * @param key a secret or private key of the same token, found on any session
   * @returns the wrapped key; of a private key its PrivateKeyInfo (PKCS#8) is wrapped. With the member `iv` if the module has
   *   generated the IV of AES-GCM, see SecretKey.encrypt.
   * @throws CKR_KEY_UNEXTRACTABLE, CKR_KEY_NOT_WRAPPABLE, CKR_KEY_SIZE_RANGE, CKR_KEY_FUNCTION_NOT_PERMITTED,
   *   CKR_KEY_TYPE_INCONSISTENT, CKR_MECHANISM_INVALID; ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_DEAD; TypeError
   *   ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
   */
  wrapKey(algorithm: MechanismInput, key: ModelObject): Promise<Ciphertext>;

  /**
   * Wraps a key with associated data that the wrapping authenticates (C_WrapKeyAuthenticated, PKCS#11 3.2); see {@link wrapKey}.
   * @param algorithm a mechanism such as { mechanism: 'AES_GCM', parameter }
   * @param associatedData needed to unwrap the key; not secret
   * @throws CKR_FUNCTION_NOT_SUPPORTED before PKCS#11 3.2; the errors of {@link wrapKey}
   */
  wrapKeyAuthenticated(
    algorithm: MechanismInput,
    key: ModelObject,
    associatedData: BytesLike,
  ): Promise<Ciphertext>;
}

export const wrapping: Capability<Wrapping> = {
  wrapKey(algorithm, key) {
    return wrapKey(this, algorithm, key);
  },
  wrapKeyAuthenticated(algorithm, key, associatedData) {
    return wrapKey(this, algorithm, key, associatedData);
  },
};

/**
 * Keys that unwrap others: private keys (RSA) and secret keys.
 * @typeParam S the class SecretKey @typeParam P the class PrivateKey
 */
export interface Unwrapping<S, P> {
  /**
   * Unwraps a key: decrypts its value on the token (C_UnwrapKey, PKCS#11 3.1, section 5.18.4). The new key is sensitive, not
   * extractable, a session object, and cannot do anything that `options` do not ask for.
   * @param algorithm as for the wrapping
   * @param options.class 'SECRET_KEY' (the default) or 'PRIVATE_KEY'
   * @param options.keyType the type of the key: 'AES', 'GENERIC_SECRET', 'RSA', 'EC' ...
   * @param options.usage of a secret key 'encrypt', 'sign', 'derive', 'wrap'; of a private key 'sign', 'decrypt', 'derive',
   *   'unwrap'; default none
   * @throws CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_TEMPLATE_INCONSISTENT and
   *   similar ones, depending on the module; ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_UNSUPPORTED; TypeError
   *   ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
   */
  unwrapKey(algorithm: MechanismInput, wrapped: BytesLike, options: UnwrapSecretKeyOptions): Promise<S>;
  unwrapKey(algorithm: MechanismInput, wrapped: BytesLike, options: UnwrapPrivateKeyOptions): Promise<P>;

  /**
   * Unwraps a key that was wrapped with associated data (C_UnwrapKeyAuthenticated, PKCS#11 3.2); see {@link unwrapKey} and
   * Wrapping.wrapKeyAuthenticated.
   * @throws CKR_FUNCTION_NOT_SUPPORTED before PKCS#11 3.2
   */
  unwrapKeyAuthenticated(
    algorithm: MechanismInput,
    wrapped: BytesLike,
    associatedData: BytesLike,
    options: UnwrapSecretKeyOptions,
  ): Promise<S>;
  unwrapKeyAuthenticated(
    algorithm: MechanismInput,
    wrapped: BytesLike,
    associatedData: BytesLike,
    options: UnwrapPrivateKeyOptions,
  ): Promise<P>;
}

/** The capability for the classes S and P. */
export function unwrapping<S, P>(): Capability<Unwrapping<S, P>> {
  const methods: ThisType<ModelKey> = {
    async unwrapKey(algorithm: MechanismInput, wrapped: BytesLike, options: UnwrapOptions) {
      return this.session.adoptMade(await unwrapKey(this, algorithm, wrapped, options));
    },
    async unwrapKeyAuthenticated(
      algorithm: MechanismInput,
      wrapped: BytesLike,
      associatedData: BytesLike,
      options: UnwrapOptions,
    ) {
      return this.session.adoptMade(await unwrapKey(this, algorithm, wrapped, options, associatedData));
    },
  };
  return methods as Capability<Unwrapping<S, P>>;
}

/** Public keys that encapsulate (ML-KEM). @typeParam S the class SecretKey */
export interface Encapsulating<S> {
  /**
   * Makes a secret key, and the ciphertext from which the owner of the private key gets the same key (C_EncapsulateKey, PKCS#11
   * 3.2). The new key is sensitive, not extractable, a session object, and cannot do anything that `options` do not ask for.
   * @param algorithm 'ML-KEM', or a mechanism
   * @param options.keyType default 'GENERIC_SECRET'
   * @param options.usage 'encrypt', 'sign', 'derive', 'wrap'; default none
   * @throws CKR_FUNCTION_NOT_SUPPORTED before PKCS#11 3.2; CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED,
   *   CKR_TEMPLATE_INCONSISTENT; ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_SESSION_READ_ONLY
   */
  encapsulate(
    algorithm: MechanismInput,
    options?: NewSecretKeyOptions,
  ): Promise<{ readonly ciphertext: Buffer; readonly key: S }>;
}

/** The capability for the class S. */
export function encapsulating<S>(): Capability<Encapsulating<S>> {
  return {
    async encapsulate(algorithm, options = {}) {
      const { ciphertext, made } = await encapsulate(this, algorithm, options);
      return { ciphertext, key: (await this.session.adoptMade(made)) as S };
    },
  };
}

/** Private keys that decapsulate (ML-KEM). @typeParam S the class SecretKey */
export interface Decapsulating<S> {
  /**
   * Returns the secret key of a ciphertext (C_DecapsulateKey, PKCS#11 3.2); see PublicKey.encapsulate. With ML-KEM a changed
   * ciphertext gives another key, not an error.
   * @throws as PublicKey.encapsulate; CKR_WRAPPED_KEY_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE and similar ones for a ciphertext
   *   of a wrong length
   */
  decapsulate(algorithm: MechanismInput, ciphertext: BytesLike, options?: NewSecretKeyOptions): Promise<S>;
}

/** The capability for the class S. */
export function decapsulating<S>(): Capability<Decapsulating<S>> {
  return {
    async decapsulate(algorithm, ciphertext, options = {}) {
      return (await this.session.adoptMade(await decapsulate(this, algorithm, ciphertext, options))) as S;
    },
  };
}
