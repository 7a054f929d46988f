import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import { exportPrivateKey } from '../export/export-key';
import { tlsKey, tlsParameters, toKeyObject } from '../native-keys/model-references';
import type { KeyObjectOptions } from '../native-keys/public-half';
import type { TlsParameters } from '../native-keys/tls-algorithms';
import { type Decrypting, decrypting, type Signing, signing } from './capabilities';
import type { Certificate } from './certificate';
import { type DigestSigning, digestSigning, type RecoverSigning, recoverSigning } from './digest-signatures';
import { Key } from './key';
import {
  type Decapsulating,
  type Deriving,
  decapsulating,
  deriving,
  type Unwrapping,
  unwrapping,
} from './key-management';
import type { PublicKey } from './public-key';
import { relatedObject } from './related-objects';
import type { SecretKey } from './secret-key';

/** A private key (CKO_PRIVATE_KEY). Its value leaves the token only by {@link exportKey}, if the token allows it. */
export class PrivateKey extends Key {
  /**
   * Returns the key as a native private KeyObject, for crypto.sign, WebCrypto and all other functions that accept one. The
   * token performs its operations, through additional sessions (opened in the mode of the key's session, which is used itself
   * if the token allows no others). It cannot be exported. It keeps the module open, even if this object, its session and its
   * Module are not referenced any more. Its operations fail after the login has ended or the module was closed; those of a
   * KeyObject of a {@link ClientPrivateKey} continue after lost logins.
   * @param options.publicKey the public half, if the token does not have it; it is proved to belong to the key
   * @throws ERR_CRYPTOKI_UNSUPPORTED before Node 24.21 and 26.7, without OpenSSL (Electron, Bun), for keys with
   *   CKA_ALWAYS_AUTHENTICATE, and for keys without any supported operation on this token; ERR_CRYPTOKI_OBJECT_NOT_FOUND
   *   without a public half; TypeError ERR_INVALID_ARG_VALUE for a publicKey that belongs to another key
   */
  toKeyObject(options?: KeyObjectOptions): Promise<KeyObject> {
    return toKeyObject(this, options);
  }

  /**
   * Returns a PEM that represents the key in this process, from Node 20 on: the option `key` of tls, https, http2 and undici,
   * in any thread. It contains a random name, and cannot be used in another process. Before Node 24.21 do not use it for
   * anything else: Node aborts the process when a program reads details (asymmetricKeyDetails, JWK) of a KeyObject made from it.
   *
   * For a token object it is valid until the module is closed, and keeps the module open; for a session object, until this
   * object was collected and nothing uses the key any more. If the token does not support a signature algorithm that TLS may
   * choose (such as RSA-PSS), a process warning CRYPTOKI_TLS_SIGALGS names the options that TLS needs; {@link tlsOptions} sets
   * them.
   * @throws the errors of {@link toKeyObject}, except that for the version of Node
   */
  tlsKey(options?: KeyObjectOptions): Promise<string> {
    return tlsKey(this, options);
  }

  /**
   * Finds the public key of this private key on the token: among the public keys with the same CKA_ID, then among those with the
   * same label. It is proved to belong to this key: by the modulus or the point, or by a trial (one signature, decryption or key
   * agreement); another key with the same id is never returned. A key with CKA_ALWAYS_AUTHENTICATE is not tried.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND
   */
  async publicKey(): Promise<PublicKey> {
    return (await relatedObject(this, 'PUBLIC_KEY')) as PublicKey;
  }

  /**
   * Finds the certificate of this private key on the token, and proves it, as {@link publicKey} does.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND; ERR_CRYPTOKI_OBJECT_AMBIGUOUS if the key has several different certificates
   */
  async certificate(): Promise<Certificate> {
    return (await relatedObject(this, 'CERTIFICATE')) as Certificate;
  }

  /**
   * Returns the certificate of this private key and its issuers on the token; see Certificate.certificateChain.
   * @throws as {@link certificate}
   */
  async certificateChain(): Promise<Certificate[]> {
    return (await this.certificate()).certificateChain();
  }

  /**
   * Reads the value of the key out of the token, as a KeyObject in software, whose export() returns PEM (also encrypted), DER or
   * JWK. Only for a key with CKA_EXTRACTABLE = true and CKA_SENSITIVE = false; for others it fails before the value is read.
   * @throws CKR_KEY_UNEXTRACTABLE, CKR_ATTRIBUTE_SENSITIVE; ERR_CRYPTOKI_UNSUPPORTED for types that Node does not have, and for
   *   modules that do not return the value
   */
  exportKey(): Promise<KeyObject> {
    return exportPrivateKey(this);
  }

  /** Returns the result of {@link tlsKey} with the options of TLS that it needs. @internal */
  tlsParameters(options?: KeyObjectOptions): Promise<TlsParameters> {
    return tlsParameters(this, options);
  }
}

export interface PrivateKey
  extends Signing,
    DigestSigning,
    RecoverSigning,
    Decrypting,
    Deriving<SecretKey>,
    Unwrapping<SecretKey, PrivateKey>,
    Decapsulating<SecretKey> {}
addCapabilities(
  PrivateKey,
  ...[signing, digestSigning, recoverSigning, decrypting, deriving<SecretKey>()],
  ...[unwrapping<SecretKey, PrivateKey>(), decapsulating<SecretKey>()],
);
