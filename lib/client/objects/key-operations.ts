/** The operations that the keys of a client and those of a group have in common. Each kind of key runs them in its own way. */
import { isPromise } from '../../core/realms';
import { copyMechanism } from '../../model/mechanisms/caller-copies';
import type { Ciphertext } from '../../model/mechanisms/made-iv';
import type { Mechanism, MechanismInput } from '../../model/mechanisms/mechanism';
import { withKeyObject } from '../../model/operations/agreement';
import type { BytesLike } from '../../raw/values';
import type { OperationOptions } from '../client-types';

/** The names of the operations; the classes of the model have methods with these names. */
export type KeyOperation =
  | 'sign'
  | 'verify'
  | 'encrypt'
  | 'decrypt'
  | 'deriveBits'
  | 'signDigest'
  | 'verifyDigest'
  | 'signRecover'
  | 'verifyRecover';

/** A key that runs operations. @internal */
export interface OperatingKey {
  /**
   * Runs an operation, with copies of its arguments.
   * @param inputs the arguments between the algorithm and the options
   */
  operate<T>(
    operation: KeyOperation,
    algorithm: MechanismInput,
    inputs: readonly (BytesLike | number | null)[],
    options: OperationOptions | undefined,
  ): Promise<T>;
}

export interface SignOperation {
  /**
   * Signs a message, or makes a MAC; see PrivateKey.sign. For a key with CKA_ALWAYS_AUTHENTICATE the client calls its PIN
   * provider each time (reason 'contextSpecific').
   */
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer>;
}

export const signOperation: SignOperation & ThisType<OperatingKey> = {
  sign(algorithm, data, options) {
    return this.operate('sign', algorithm, [data], options);
  },
};

export interface VerifyOperation {
  /** Verifies a signature or a MAC on the token; see PublicKey.verify. */
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean>;
}

export const verifyOperation: VerifyOperation & ThisType<OperatingKey> = {
  verify(algorithm, data, signature, options) {
    return this.operate('verify', algorithm, [data, signature], options);
  },
};

export interface EncryptOperation {
  /** Encrypts a message on the token; see SecretKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Ciphertext>;
}

export const encryptOperation: EncryptOperation & ThisType<OperatingKey> = {
  encrypt(algorithm, data, options) {
    return this.operate('encrypt', algorithm, [data], options);
  },
};

export interface DecryptOperation {
  /** Decrypts a message; see PrivateKey.decrypt, and {@link SignOperation.sign} for keys with CKA_ALWAYS_AUTHENTICATE. */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: OperationOptions): Promise<Buffer>;
}

export const decryptOperation: DecryptOperation & ThisType<OperatingKey> = {
  decrypt(algorithm, encryptedData, options) {
    return this.operate('decrypt', algorithm, [encryptedData], options);
  },
};

export interface DeriveBitsOperation {
  /** Derives bits from the key; see PrivateKey.deriveBits. @param length in bits */
  deriveBits(algorithm: MechanismInput, length: number | null, options?: OperationOptions): Promise<Buffer>;
}

export const deriveBitsOperation: DeriveBitsOperation & ThisType<OperatingKey> = {
  async deriveBits(algorithm, length, options) {
    const resolved = withKeyObject(copyMechanism(algorithm).input);
    const input = isPromise(resolved) ? await resolved : resolved;
    return this.operate('deriveBits', input, [length], options);
  },
};

export interface SignDigestOperation {
  /** Signs a digest that was computed elsewhere; see PrivateKey.signDigest and {@link SignOperation.sign}. */
  signDigest(algorithm: MechanismInput, digest: BytesLike, options?: OperationOptions): Promise<Buffer>;
}

export const signDigestOperation: SignDigestOperation & ThisType<OperatingKey> = {
  signDigest(algorithm, digest, options) {
    return this.operate('signDigest', algorithm, [digest], options);
  },
};

export interface VerifyDigestOperation {
  /** Verifies the signature of a digest on the token; see PublicKey.verifyDigest. */
  verifyDigest(
    algorithm: MechanismInput,
    digest: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean>;
}

export const verifyDigestOperation: VerifyDigestOperation & ThisType<OperatingKey> = {
  verifyDigest(algorithm, digest, signature, options) {
    return this.operate('verifyDigest', algorithm, [digest, signature], options);
  },
};

export interface SignRecoverOperation {
  /** Makes a signature from which the data can be recovered; see PrivateKey.signRecover. */
  signRecover(algorithm: Mechanism, data: BytesLike, options?: OperationOptions): Promise<Buffer>;
}

export const signRecoverOperation: SignRecoverOperation & ThisType<OperatingKey> = {
  signRecover(algorithm, data, options) {
    return this.operate('signRecover', algorithm, [data], options);
  },
};

export interface VerifyRecoverOperation {
  /** Verifies a signature and returns its data; see PublicKey.verifyRecover. */
  verifyRecover(algorithm: Mechanism, signature: BytesLike, options?: OperationOptions): Promise<Buffer>;
}

export const verifyRecoverOperation: VerifyRecoverOperation & ThisType<OperatingKey> = {
  verifyRecover(algorithm, signature, options) {
    return this.operate('verifyRecover', algorithm, [signature], options);
  },
};
