/**
 * `cryptoki/raw`: the functions of PKCS#11 as they are, asynchronous and synchronous. What the package adds at this
 * level: calls on one session are made one after the other in the order they were asked for; C_Initialize and
 * C_Finalize are counted over the process; sizes are asked and buffers grown; a closed session is refused without a
 * call. Everything else is the module's.
 */
import type { CryptokiError } from '../core/errors';
import type { RawCalls } from '../generated/calls';
import { native } from './addon';
import { traceable } from './call-tracing';
import type {
  BytesLike,
  InitializeOptions,
  LoadOptions,
  ModuleDescription,
  RawAttribute,
  RawAttributeResult,
  RawBatch,
  RawDigest,
  RawFound,
  RawMechanism,
  RawSession,
} from './raw-module';
import { direct } from './sync-fast-path';

export type { Action, OwnCode, ReturnValue } from '../core/errors';
export { CryptokiError, isCode } from '../core/errors';
export type { RawCalls } from '../generated/calls';
export * from '../generated/constants';
export type * from '../generated/structures';
export type { CallTrace } from './call-tracing';
export type * from './raw-module';

/**
 * Operations that PKCS#11 splits into several functions, each as one native job: nothing of another caller comes
 * between, and nothing stays half-open on the session after an error.
 */
export interface RawOperations {
  /**
   * C_SignInit, C_Sign.
   * @param digest makes the digest of `data` first (C_DigestInit, C_Digest) and signs that
   * @param pin for a key with CKA_ALWAYS_AUTHENTICATE: C_Login with CKU_CONTEXT_SPECIFIC after C_SignInit; null where the
   *   token asks for it itself
   */
  sign(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    digest?: RawDigest | undefined,
    pin?: string | BytesLike | null | undefined,
  ): Promise<Buffer>;
  signSync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    digest?: RawDigest | undefined,
    pin?: string | BytesLike | null | undefined,
  ): Buffer;
  /**
   * C_VerifyInit, C_Verify; false for CKR_SIGNATURE_INVALID and CKR_SIGNATURE_LEN_RANGE. A MAC is made (C_SignInit, C_Sign) and
   * compared in constant time; it is verified only where the key cannot sign.
   * @param digest as for sign
   */
  verify(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    signature: BytesLike,
    digest?: RawDigest | undefined,
  ): Promise<boolean>;
  verifySync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    signature: BytesLike,
    digest?: RawDigest | undefined,
  ): boolean;
  /** C_DigestInit, C_Digest. */
  digest(session: bigint, mechanism: RawMechanism, data: BytesLike): Promise<Buffer>;
  digestSync(session: bigint, mechanism: RawMechanism, data: BytesLike): Buffer;
  /** C_EncryptInit, C_Encrypt. */
  encrypt(session: bigint, mechanism: RawMechanism, key: bigint, data: BytesLike): Promise<Buffer>;
  encryptSync(session: bigint, mechanism: RawMechanism, key: bigint, data: BytesLike): Buffer;
  /**
   * C_DecryptInit, C_Decrypt.
   * @param pin as for sign
   */
  decrypt(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    encryptedData: BytesLike,
    pin?: string | BytesLike | null | undefined,
  ): Promise<Buffer>;
  decryptSync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    encryptedData: BytesLike,
    pin?: string | BytesLike | null | undefined,
  ): Buffer;
  /**
   * C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal, and C_GetAttributeValue for each object found.
   * @param types attributes to read of each object (CKA_ numbers)
   * @param limit how many objects at most; 0 for all
   */
  findObjects(
    session: bigint,
    template: readonly RawAttribute[],
    types: readonly number[],
    limit: number,
  ): Promise<RawFound[]>;
  findObjectsSync(
    session: bigint,
    template: readonly RawAttribute[],
    types: readonly number[],
    limit: number,
  ): RawFound[];
}

/**
 * Operations on many messages, as one native job each. Messages are packed (see RawPacked): `data`, and a Uint32Array of
 * `offsets`. A message that fails is told of in the result; the others are done all the same.
 */
export interface RawBatches {
  /** C_SignInit and C_Sign for each message. @param digest as for sign */
  signMany(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
    digest?: RawDigest | undefined,
  ): Promise<RawBatch>;
  signManySync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
    digest?: RawDigest | undefined,
  ): RawBatch;
  /** C_VerifyInit and C_Verify for each message. */
  verifyMany(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
    signatures: BytesLike,
    signatureOffsets: Uint32Array,
    digest?: RawDigest | undefined,
  ): Promise<RawBatch>;
  verifyManySync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
    signatures: BytesLike,
    signatureOffsets: Uint32Array,
    digest?: RawDigest | undefined,
  ): RawBatch;
  /** C_DigestInit and C_Digest for each message. */
  digestMany(
    session: bigint,
    mechanism: RawMechanism,
    data: BytesLike,
    offsets: Uint32Array,
  ): Promise<RawBatch>;
  digestManySync(session: bigint, mechanism: RawMechanism, data: BytesLike, offsets: Uint32Array): RawBatch;
  /** C_EncryptInit and C_Encrypt for each message. @param mechanism one for all, or one for each message */
  encryptMany(
    session: bigint,
    mechanism: RawMechanism | readonly RawMechanism[],
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
  ): Promise<RawBatch>;
  encryptManySync(
    session: bigint,
    mechanism: RawMechanism | readonly RawMechanism[],
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
  ): RawBatch;
  /** C_DecryptInit and C_Decrypt for each message. @param mechanism one for all, or one for each message */
  decryptMany(
    session: bigint,
    mechanism: RawMechanism | readonly RawMechanism[],
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
  ): Promise<RawBatch>;
  decryptManySync(
    session: bigint,
    mechanism: RawMechanism | readonly RawMechanism[],
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
  ): RawBatch;
}

/** Where the private key of a reference is. @internal */
export interface RawKeyPlace {
  readonly slot: bigint;
  readonly handle: bigint;
  readonly isPrivate: boolean;
  /** How sessions for the key are opened. */
  readonly readWrite: boolean;
  /** A session that is used where the token allows no other. */
  readonly session: bigint;
}

/** A loaded module. */
export interface RawModule extends RawCalls, RawOperations, RawBatches {
  /**
   * PKCS#11 3.1, section 5.4.1. Counted over the process: the first use calls the module, with CKF_OS_LOCKING_OK, and
   * with less where the module wants less. A module that somebody outside of this package has initialised is used as it
   * is and never finalised.
   * @throws CKR_CRYPTOKI_ALREADY_INITIALIZED when this object is initialised; what the module returns
   */
  C_Initialize(options?: InitializeOptions): Promise<void>;
  C_InitializeSync(options?: InitializeOptions): void;
  /**
   * PKCS#11 3.1, section 5.4.2. Waits for the calls in flight, closes the sessions opened through this object, and
   * finalises the module when nothing else in the process uses it.
   */
  C_Finalize(): Promise<void>;
  C_FinalizeSync(): void;

  /**
   * C_OpenSession, with what belongs to the new session: a handle alone may belong to another session by the time at which
   * JavaScript hears of it.
   * @param flags CKF_SERIAL_SESSION, CKF_RW_SESSION
   */
  openSession(slot: bigint | number, flags: number): Promise<RawSession>;
  openSessionSync(slot: bigint | number, flags: number): RawSession;

  /**
   * Refuses the operations (sign, verify, digest, encrypt, decrypt, and batches of them) that wait for a session because
   * another call on it has not returned. They fail with ERR_CRYPTOKI_NOT_BEGUN: the module has not seen anything of them.
   * Other calls go on waiting.
   * @returns how many were refused
   */
  refuseWaiting(session: bigint | number): number;

  /**
   * Ends the waits of C_WaitForSlotEvent that this object has begun: they fail with CKR_FUNCTION_CANCELED. The module is
   * asked on, and an event that comes when nobody waits goes to the next call.
   */
  cancelWaitForSlotEvent(): void;

  /**
   * C_Finalize and C_Initialize (with the options of the latest), for all who use the module in this process, worker
   * threads included: the way back for a module that answers every call with an error since its device or server went
   * away. Calls in flight end first; all sessions and logins are gone afterwards. Those who ask at the same time share one
   * outcome. After a failure it can be tried again; until it succeeds, calls fail with CKR_CRYPTOKI_NOT_INITIALIZED.
   * @param since what {@link reinitialisations} gave: nothing is done when there was one since then
   * @throws ERR_CRYPTOKI_MODULE_SHARED when something outside of this package holds the module; what C_Initialize returned
   */
  reinitialise(since?: number): Promise<void>;
  /** How often the module was initialised anew in this process, without a call. */
  reinitialisations(): number;

  /**
   * PKCS#11 3.1, section 5.7.5.
   * @param keepBytes gives all values as bytes, but for templates; default: in the type of the attribute
   */
  C_GetAttributeValue(
    session: bigint,
    object: bigint,
    attributes: readonly number[],
    keepBytes?: boolean,
  ): Promise<RawAttributeResult[]>;
  C_GetAttributeValueSync(
    session: bigint,
    object: bigint,
    attributes: readonly number[],
    keepBytes?: boolean,
  ): RawAttributeResult[];

  /** What is known of the module without a call. */
  description(): ModuleDescription;
  /** The state of a session (one of CKS), true at every moment for all sessions of the process on the token; undefined when it is closed. */
  sessionState(session: bigint): number | undefined;
  /**
   * A number that no other session of the process has or had; undefined when the session is closed. Modules give the
   * handle of a closed session to another one.
   */
  sessionSerial(session: bigint): number | undefined;
  /** Who is logged in on the token in this slot, as far as this process knows: CKU.USER, CKU.SO or undefined. */
  loggedIn(slot: bigint): number | undefined;
  /**
   * Calls `callback` with the slot soon after every change of who is logged in on its token, whoever caused it: any
   * session of the process, in any thread, or an error that told of it. One callback at a time; null ends it. It does not
   * keep the process alive.
   */
  watchLogins(callback: ((slot: bigint) => void) | null): void;
  /**
   * Makes a reference: what OpenSSL's provider in the addon knows of a private key; see lib/keyobject/. It lives while there
   * are claims to its name (one at first) or keys of OpenSSL's made from it.
   * @param told called with the error when the key is not where it was; without, when the reference is gone
   * @internal
   */
  createKeyReference(
    key: RawKeyPlace & {
      readonly publicKeyInfo: BytesLike;
      readonly mechanisms: readonly number[];
      readonly opensslVersion: string;
    },
    told?: (error: CryptokiError | undefined) => void,
  ): { readonly id: string; readonly pem: string };
  /** Says where the key is now; null: it cannot be found. @internal */
  updateKeyReference(id: string, place: RawKeyPlace | null): void;
  /** The key is not where it was. @internal */
  invalidateKeyReference(id: string): void;
  /** Nobody may use the key any more. @internal */
  releaseKeyReference(id: string): void;
  /** One more claim to the name. @returns whether there is still such a reference @internal */
  claimKeyReference(id: string): boolean;
  /** One claim less. @internal */
  unclaimKeyReference(id: string): void;
  /** Closes the provider's sessions that were not used for so many milliseconds. @internal */
  closeIdleKeySessions(id: string, milliseconds: number): void;
  /** How often the login on the token in this slot has ended in this process. Private objects live within one such epoch. */
  loginEpoch(slot: bigint): number;
}

/**
 * Loads a PKCS#11 module; it is not initialised yet.
 * @param path file of the module, or a bare library name for the system's search path
 * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD (no library, wrong architecture, a dependency is
 *   missing), ERR_CRYPTOKI_MODULE_NOT_PKCS11
 */
export async function load(path: string, options?: LoadOptions): Promise<RawModule> {
  return traceable(direct(await native.load(path, options)), path);
}

/** {@link load}, blocking the calling thread. */
export function loadSync(path: string, options?: LoadOptions): RawModule {
  return traceable(direct(native.loadSync(path, options)), path);
}
