/** The operations of keys that sign a digest which was computed elsewhere, and those of signatures that contain the data. */
import type { BytesLike } from '../../raw/values';
import type { ContextLogin } from '../login/context-login';
import type { Mechanism, MechanismInput } from '../mechanisms/mechanism';
import type { ModelKey } from '../model-types';
import { signRecover, verifyRecover } from '../operations/recover';
import { signDigest, verifyDigest } from '../operations/sign-digest';

/** The methods of a capability. Their descriptions are in its interface. */
type Capability<T> = T & ThisType<ModelKey & T>;

export interface DigestSigning {
  /**
   * Signs a digest that was computed elsewhere (C_SignInit, C_Sign, PKCS#11 3.1, section 5.13): the result is the signature of the
   * message.
   * @param algorithm 'ECDSA-SHA256', 'RSA-PKCS1-SHA256' (the DigestInfo of RFC 8017 is added), 'RSA-PSS-SHA256'; with the options of
   *   sign(); or a mechanism that signs digests, which is used unchanged
   * @param digest of the message, as long as the hash function of the algorithm makes it
   * @throws RangeError ERR_OUT_OF_RANGE for a digest of another length; TypeError ERR_INVALID_ARG_VALUE for an algorithm that signs
   *   messages only (EdDSA, HMAC); ERR_CRYPTOKI_UNSUPPORTED if the token cannot sign digests; the errors of sign()
   */
  signDigest(algorithm: MechanismInput, digest: BytesLike, options?: ContextLogin): Promise<Buffer>;
}

export const digestSigning: Capability<DigestSigning> = {
  signDigest(algorithm, digest, options) {
    return signDigest(this, algorithm, digest, options);
  },
};

export interface DigestVerifying {
  /**
   * Verifies the signature of a digest on the token (C_VerifyInit, C_Verify, PKCS#11 3.1, section 5.15); see
   * PrivateKey.signDigest.
   * @returns false when the signature is wrong
   */
  verifyDigest(algorithm: MechanismInput, digest: BytesLike, signature: BytesLike): Promise<boolean>;
}

export const digestVerifying: Capability<DigestVerifying> = {
  verifyDigest(algorithm, digest, signature) {
    return verifyDigest(this, algorithm, digest, signature);
  },
};

export interface RecoverSigning {
  /**
   * Makes a signature from which the data can be recovered (C_SignRecoverInit, C_SignRecover, PKCS#11 3.1, section 5.13).
   * @param algorithm a mechanism such as { mechanism: 'RSA_PKCS' }
   * @param data shorter than the modulus by at least 11 bytes for RSA_PKCS
   * @throws CKR_MECHANISM_INVALID, CKR_FUNCTION_NOT_SUPPORTED, CKR_DATA_LEN_RANGE, CKR_KEY_FUNCTION_NOT_PERMITTED;
   *   CKR_KEY_TYPE_INCONSISTENT, TypeError ERR_INVALID_ARG_TYPE before a call
   */
  signRecover(algorithm: Mechanism, data: BytesLike): Promise<Buffer>;
}

export const recoverSigning: Capability<RecoverSigning> = {
  signRecover(algorithm, data) {
    return signRecover(this, algorithm, data);
  },
};

export interface RecoverVerifying {
  /**
   * Verifies a signature and returns its data (C_VerifyRecoverInit, C_VerifyRecover, PKCS#11 3.1, section 5.15); see
   * PrivateKey.signRecover.
   * @throws CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE for a wrong signature
   */
  verifyRecover(algorithm: Mechanism, signature: BytesLike): Promise<Buffer>;
}

export const recoverVerifying: Capability<RecoverVerifying> = {
  verifyRecover(algorithm, signature) {
    return verifyRecover(this, algorithm, signature);
  },
};
