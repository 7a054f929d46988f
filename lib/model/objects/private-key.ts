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

/** A private key (CKO_PRIVATE_KEY). It never leaves the token. */
export class PrivateKey extends Key {
  /**
   * Signs a message as one native job (C_SignInit, C_Sign, PKCS#11 3.1, section 5.13).
   * @param algorithm 'ECDSA-SHA256', 'RSA-PKCS1-SHA256', 'RSA-PSS-SHA256' (or { name, saltLength } with the length in
   *   bytes; default: that of the digest), 'EdDSA', or a mechanism. Where the token signs digests only, the digest is
   *   made by Node.
   * @param data the whole message, not its digest (but for mechanisms that take one)
   * @param options.pin for a key with CKA_ALWAYS_AUTHENTICATE: the PIN, sent within the same job (C_Login with
   *   CKU_CONTEXT_SPECIFIC). Operations with a PIN are made one at a time per token; a PIN that the token refused is not
   *   sent again.
   * @returns the signature; of ECDSA r and s one after the other, each as long as the curve's order (IEEE P1363), also where the
   *   module returns DER or leaves out leading zeros: for node:crypto give dsaEncoding 'ieee-p1363'
   * @throws CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT, CKR_MECHANISM_INVALID, CKR_USER_NOT_LOGGED_IN,
   *   CKR_DATA_LEN_RANGE, CKR_PIN_INCORRECT; ERR_CRYPTOKI_PIN_REFUSED, ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED
   */
  sign(algorithm: MechanismInput, data: BytesLike, options?: ContextLogin): Promise<Buffer> {
    return sign(this, algorithm, data, options);
  }

  /** {@link sign}, blocking the calling thread. */
  signSync(algorithm: MechanismInput, data: BytesLike, options?: ContextLogin): Buffer {
    return signSync(this, algorithm, data, options);
  }

  /**
   * Decrypts as one native job (C_DecryptInit, C_Decrypt, PKCS#11 3.1, section 5.10).
   * @param algorithm 'RSA-OAEP-SHA256' (or { name, label }), 'RSA-PKCS1', or a mechanism
   * @param options.pin as for {@link sign}
   * @throws CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, and those of {@link sign}
   */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: ContextLogin): Promise<Buffer> {
    return decrypt(this, algorithm, encryptedData, options);
  }

  /**
   * The key as a native private KeyObject, for crypto.sign, WebCrypto and whatever takes one. What is done with it is done in
   * the token, through sessions of its own (opened as that of the key is; where the token allows no other, that of the key is
   * used), and it cannot be exported. It keeps the module open, also when this object, its session and its Module are dropped;
   * when the login ends or the module is closed it gives errors. That of a {@link ClientPrivateKey} survives lost logins.
   * @param options.publicKey the public half, where the token does not have it; it is proved to belong to the key
   * @throws ERR_CRYPTOKI_UNSUPPORTED before Node 24.21 and 26.7, where there is no OpenSSL (Electron, Bun), for keys with
   *   CKA_ALWAYS_AUTHENTICATE, and for keys that can do nothing with this token; ERR_CRYPTOKI_OBJECT_NOT_FOUND without a public
   *   half; TypeError ERR_INVALID_ARG_VALUE for a publicKey that belongs to another key
   */
  toKeyObject(options?: KeyObjectOptions): Promise<KeyObject> {
    return toKeyObject(this, options);
  }

  /**
   * PEM that stands for the key in this process, from Node 20 on: the option `key` of tls, https, http2 and undici, in any
   * thread. It holds a random name, and is worth nothing elsewhere. Before Node 24.21 give it to nothing else: Node itself
   * aborts the process when it is asked for details (asymmetricKeyDetails, JWK) of a KeyObject made from it.
   *
   * For a token object it is valid until the module is closed, and keeps it open; for a session object, until this object was
   * collected and nothing uses the key any more. Where the token cannot sign what TLS may choose (no RSA-PSS, for example), a
   * process warning CRYPTOKI_TLS_SIGALGS names the options that TLS needs; {@link tlsOptions} sets them.
   * @throws those of {@link toKeyObject}, but for the version of Node
   */
  tlsKey(options?: KeyObjectOptions): Promise<string> {
    return tlsKey(this, options);
  }

  /** {@link tlsKey} with the options of TLS that it needs. @internal */
  tlsParameters(options?: KeyObjectOptions): Promise<TlsParameters> {
    return tlsParameters(this, options);
  }

  /** {@link decrypt}, blocking the calling thread. */
  decryptSync(algorithm: MechanismInput, encryptedData: BytesLike, options?: ContextLogin): Buffer {
    return decryptSync(this, algorithm, encryptedData, options);
  }

  /**
   * Signs a message of any length as it comes (C_SignInit, C_SignUpdate, C_SignFinal, PKCS#11 3.1, section 5.13):
   * `await pipeline(file, stream)`, then `await stream.result()`. The stream has the key's session to itself from its first
   * byte to its end: a second stream is refused meanwhile, and other operations by the module (CKR_OPERATION_ACTIVE).
   * Where the token signs digests only, the digest is made by Node, and the session is used at the end alone.
   * @param algorithm as for {@link sign}; not EdDSA, which takes a message in one piece
   * @param options.pin as for {@link sign}
   * @param options.signal destroys the stream
   * @throws ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED; wrong arguments. The stream
   *   is destroyed with what the token says later, as {@link sign}
   */
  createSign(algorithm: MechanismInput, options: ContextLogin & StreamOptions = {}): SignStream {
    return createSign(this, algorithm, options);
  }

  /**
   * Signs many messages: few crossings, a native loop on each session.
   * @param messages an array, whose results come all together; or an iterable or async iterable, whose results come one by
   *   one, in order, as fast as they are fetched
   * @param options.sessions sessions of this token to use side by side; default the key's own
   * @returns for an array its results, with the failures by message; for an iterable a generator of items
   * @throws (an array: rejects) the signal's reason; wrong arguments. What fails for a message is told with that message.
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
