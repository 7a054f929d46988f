import type { KeyObject } from 'node:crypto';
import type { BytesLike } from '../../raw/values';
import type { ContextLogin } from '../login/context-login';
import type { MechanismInput } from '../mechanisms/mechanism';
import { tlsKey, tlsParameters, toKeyObject } from '../native-keys/model-references';
import type { KeyObjectOptions } from '../native-keys/public-half';
import type { TlsParameters } from '../native-keys/tls-algorithms';
import {
  type BatchOutcome,
  type CipherInput,
  cipherMany,
  type Messages,
  signMany,
} from '../operations/batch/batch-operations';
import { batchOptions, type ModelBatchOptions, onSessions } from '../operations/batch/batch-sessions';
import { decrypt, decryptSync, sign, signSync } from '../operations/single-part';
import type { SignStream } from '../operations/streams/message-stream';
import { createSign } from '../operations/streams/session-streams';
import type { StreamOptions } from '../operations/streams/stream-options';
import { Key } from './key';

/** A private key (CKO_PRIVATE_KEY). Its value never leaves the token. */
export class PrivateKey extends Key {
  /**
   * Signs a message as one native job (C_SignInit, C_Sign, PKCS#11 3.1, section 5.13).
   * @param algorithm 'ECDSA-SHA256', 'RSA-PKCS1-SHA256', 'RSA-PSS-SHA256' (or { name, saltLength } with the length in
   *   bytes; default: the length of the digest), 'EdDSA', or a mechanism. If the token signs digests only, Node computes
   *   the digest.
   * @param data the whole message; its digest only for mechanisms that sign a digest
   * @param options.pin for a key with CKA_ALWAYS_AUTHENTICATE: the PIN, sent within the same job (C_Login with
   *   CKU_CONTEXT_SPECIFIC). Operations with a PIN run one at a time per token; a PIN that the token has refused is not
   *   sent again.
   * @returns the signature; for ECDSA r and s one after the other, each as long as the curve's order (IEEE P1363), even if
   *   the module returns DER or omits leading zeros. To verify it with node:crypto, give dsaEncoding 'ieee-p1363'.
   * @throws CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT, CKR_MECHANISM_INVALID, CKR_USER_NOT_LOGGED_IN,
   *   CKR_DATA_LEN_RANGE, CKR_PIN_INCORRECT; ERR_CRYPTOKI_PIN_REFUSED, ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED
   */
  sign(algorithm: MechanismInput, data: BytesLike, options?: ContextLogin): Promise<Buffer> {
    return sign(this, algorithm, data, options);
  }

  /** Does the same as {@link sign}, and blocks the calling thread. */
  signSync(algorithm: MechanismInput, data: BytesLike, options?: ContextLogin): Buffer {
    return signSync(this, algorithm, data, options);
  }

  /**
   * Decrypts a message as one native job (C_DecryptInit, C_Decrypt, PKCS#11 3.1, section 5.10).
   * @param algorithm 'RSA-OAEP-SHA256' (or { name, label }), 'RSA-PKCS1', or a mechanism
   * @param options.pin as for {@link sign}
   * @throws CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, and the errors of {@link sign}
   */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: ContextLogin): Promise<Buffer> {
    return decrypt(this, algorithm, encryptedData, options);
  }

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

  /** Returns the result of {@link tlsKey} with the options of TLS that it needs. @internal */
  tlsParameters(options?: KeyObjectOptions): Promise<TlsParameters> {
    return tlsParameters(this, options);
  }

  /** Does the same as {@link decrypt}, and blocks the calling thread. */
  decryptSync(algorithm: MechanismInput, encryptedData: BytesLike, options?: ContextLogin): Buffer {
    return decryptSync(this, algorithm, encryptedData, options);
  }

  /**
   * Creates a stream that signs a message of any length part by part (C_SignInit, C_SignUpdate, C_SignFinal, PKCS#11 3.1,
   * section 5.13): `await pipeline(file, stream)`, then `await stream.result()`. The stream occupies the key's session from
   * its first byte to its end: a second stream is refused in this time, and the module refuses other operations
   * (CKR_OPERATION_ACTIVE). If the token signs digests only, Node computes the digest, and the session is used at the end only.
   * @param algorithm as for {@link sign}; not EdDSA, which needs the message in one piece
   * @param options.pin as for {@link sign}
   * @param options.signal destroys the stream
   * @throws ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED; wrong arguments. Later errors
   *   of the token, as of {@link sign}, destroy the stream.
   */
  createSign(algorithm: MechanismInput, options: ContextLogin & StreamOptions = {}): SignStream {
    return createSign(this, algorithm, options);
  }

  /**
   * Signs many messages in a native loop on each session, with one job for many messages.
   * @param messages an array, for one result at the end; or an iterable or async iterable, for results one by one, in order,
   *   as fast as the program fetches them
   * @param options.sessions sessions with this token to use at the same time; default the key's session
   * @returns for an array its results, with the failures by message; for an iterable a generator of items
   * @throws (an array: rejects) the signal's reason; wrong arguments. The failure of one message is part of the results.
   */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, Buffer> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return signMany(onSessions(sessions, this), algorithm, messages, rest);
  }

  /** Decrypts many messages; see PrivateKey.signMany. */
  decryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, Buffer> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return cipherMany('decryptMany', onSessions(sessions, this), algorithm, messages, rest);
  }
}
