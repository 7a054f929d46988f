import type { CryptokiError } from '../core/errors';
import type { RawCalls } from '../generated/calls';
import type { RawBatches } from './batches';
import type { RawOperations } from './operations';
import type { InitializeOptions } from './options';
import type { BytesLike, RawAttributeResult, RawVersion } from './values';

/** What is known of a loaded module without a call. */
export interface ModuleDescription {
  /** The path it was loaded from first. */
  path: string;
  /** Version of the function list in use. */
  version: RawVersion;
  /** Whether it came from C_GetInterface. */
  fromInterface: boolean;
}

/** A session that openSession has opened. */
export interface RawSession {
  /** CK_SESSION_HANDLE */
  readonly handle: bigint;
  /**
   * The handle, with a number in the bits from 128 on that no other session of the process has. Methods take it in the place of
   * the handle, and refuse it (CKR_SESSION_HANDLE_INVALID) when the module has given the handle to another session.
   */
  readonly name: bigint;
  /** Its state when it was opened (one of CKS). */
  readonly state: number;
}

/** The calls into a module. Another process could serve them. */
export interface ModuleCalls extends RawCalls, RawOperations, RawBatches {
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
}

/** The state of a module and of its sessions, which is known without a call. */
export interface ModuleState {
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
  /** How often the login on the token in this slot has ended in this process. Private objects live within one such epoch. */
  loginEpoch(slot: bigint): number;
  /** How often the module was initialised anew in this process, without a call. */
  reinitialisations(): number;
  /**
   * Calls `callback` with the slot soon after every change of who is logged in on its token, whoever caused it: any
   * session of the process, in any thread, or an error that told of it. One callback at a time; null ends it. It does not
   * keep the process alive.
   */
  watchLogins(callback: ((slot: bigint) => void) | null): void;
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

/** References to private keys, which OpenSSL's provider in the addon makes native keys of Node from; see lib/model/native-keys. @internal */
export interface KeyReferences {
  /**
   * Makes a reference: the state of a private key in the OpenSSL provider of the addon; see lib/model/native-keys/. It lives while there
   * are claims to its name (one at first) or keys of OpenSSL's made from it.
   * @param told called with the error when the key is not where it was; without, when the reference is gone
   */
  createKeyReference(
    key: RawKeyPlace & {
      readonly publicKeyInfo: BytesLike;
      readonly mechanisms: readonly number[];
      readonly opensslVersion: string;
    },
    told?: (error: CryptokiError | undefined) => void,
  ): { readonly id: string; readonly pem: string };
  /** Says where the key is now; null: it cannot be found. */
  updateKeyReference(id: string, place: RawKeyPlace | null): void;
  /** The key is not where it was. */
  invalidateKeyReference(id: string): void;
  /** Nobody may use the key any more. */
  releaseKeyReference(id: string): void;
  /** One more claim to the name. @returns whether there is still such a reference */
  claimKeyReference(id: string): boolean;
  /** One claim less. */
  unclaimKeyReference(id: string): void;
  /** Closes the provider's sessions that were not used for so many milliseconds. */
  closeIdleKeySessions(id: string, milliseconds: number): void;
}

/** A loaded module. */
export interface RawModule extends ModuleCalls, ModuleState, KeyReferences {}
