import type { MechanismInput } from '../mechanisms/mechanism';
import type { BytesLike } from '../raw/types';
import { Key } from './key';
import { decrypt, decryptSync, sign, signSync } from './operations';

/** A private key (CKO_PRIVATE_KEY). It never leaves the token. */
export class PrivateKey extends Key {
  /**
   * Signs a message as one native job (C_SignInit, C_Sign, PKCS#11 3.1, section 5.13).
   * @param algorithm 'ECDSA-SHA256', 'RSA-PKCS1-SHA256', 'RSA-PSS-SHA256' (or { name, saltLength } with the length in
   *   bytes; default: that of the digest), 'EdDSA', or a mechanism. Where the token signs digests only, the digest is
   *   made by Node.
   * @param data the whole message, not its digest (but for mechanisms that take one)
   * @returns the signature; of ECDSA r and s one after the other, each as long as the curve's order (IEEE P1363): for
   *   node:crypto give dsaEncoding 'ieee-p1363'
   * @throws CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT, CKR_MECHANISM_INVALID, CKR_USER_NOT_LOGGED_IN,
   *   CKR_DATA_LEN_RANGE; ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED
   */
  sign(algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
    return sign(this, algorithm, data);
  }

  /** {@link sign}, blocking the calling thread. */
  signSync(algorithm: MechanismInput, data: BytesLike): Buffer {
    return signSync(this, algorithm, data);
  }

  /**
   * Decrypts as one native job (C_DecryptInit, C_Decrypt, PKCS#11 3.1, section 5.10).
   * @param algorithm 'RSA-OAEP-SHA256' (or { name, label }), 'RSA-PKCS1', or a mechanism
   * @throws CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, and those of {@link sign}
   */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike): Promise<Buffer> {
    return decrypt(this, algorithm, encryptedData);
  }

  /** {@link decrypt}, blocking the calling thread. */
  decryptSync(algorithm: MechanismInput, encryptedData: BytesLike): Buffer {
    return decryptSync(this, algorithm, encryptedData);
  }
}
