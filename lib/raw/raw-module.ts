import type { CryptokiError } from '../core/errors';
import type { RawCalls } from '../generated/calls';
import type { RawBatches } from './batches';
import type { RawOperations } from './operations';
import type { InitializeOptions } from './options';
import type { BytesLike, RawAttributeResult, RawVersion } from './values';

/** The facts about a loaded module that need no call. */
export interface ModuleDescription {
  /** The path from which it was first loaded. */
  path: string;
  /** Version of the function list in use. */
  version: RawVersion;
  /** True if the function list came from C_GetInterface. */
  fromInterface: boolean;
}

/** A session that openSession has opened. */
export interface RawSession {
  /** CK_SESSION_HANDLE */
  readonly handle: bigint;
  /**
   * The handle, with a number in the bits from 128 on that no other session of the process has. Methods accept it in place of
   * the handle, and refuse it (CKR_SESSION_HANDLE_INVALID) when the module has assigned the handle to another session.
   */
  readonly name: bigint;
  /** Its state when it was opened (one of CKS). */
  readonly state: number;
}

/** The calls into a module. Another process could serve them. */
export interface ModuleCalls extends RawCalls, RawOperations, RawBatches {
  /**
   * PKCS#11 3.1, section 5.4.1. Uses are counted over the process: the first one calls the module, with CKF_OS_LOCKING_OK, or
   * without if the module refuses that. A module that code outside this package has initialised is used and never finalised.
   * @throws CKR_CRYPTOKI_ALREADY_INITIALIZED when this object is initialised; the error that the module returns
   */
  C_Initialize(options?: InitializeOptions): Promise<void>;
  C_InitializeSync(options?: InitializeOptions): void;
  /**
   * PKCS#11 3.1, section 5.4.2. Waits for the calls in flight, closes the sessions that this object has opened, and finalises
   * the module unless other code in the process uses it.
   */
  C_Finalize(): Promise<void>;
  C_FinalizeSync(): void;

  /**
   * C_OpenSession, with the data of the new session: the handle alone may belong to another session when JavaScript receives
   * it.
   * @param flags CKF_SERIAL_SESSION, CKF_RW_SESSION
   */
  openSession(slot: bigint | number, flags: number): Promise<RawSession>;
  openSessionSync(slot: bigint | number, flags: number): RawSession;

  /**
   * Refuses the operations (sign, verify, digest, encrypt, decrypt, and batches of them) that wait for a session because
   * another call on it has not returned. They fail with ERR_CRYPTOKI_NOT_BEGUN: the module has not received them.
   * Other calls continue to wait.
   * @returns the number of refused operations
   */
  refuseWaiting(session: bigint | number): number;

  /**
   * Ends the waits of C_WaitForSlotEvent that this object has begun: they fail with CKR_FUNCTION_CANCELED. The call of the
   * module continues, and the next caller receives an event that occurs without a waiting caller.
   */
  cancelWaitForSlotEvent(): void;

  /**
   * Calls C_Finalize and C_Initialize (with the latest options) for all users of the module in this process, worker threads
   * included. This restores a module that returns an error for every call since its device or server was lost. Calls in flight
   * end before; all sessions and logins are lost. Concurrent callers share one outcome. After a failure it can be repeated;
   * until it succeeds, calls fail with CKR_CRYPTOKI_NOT_INITIALIZED.
   * @param since a result of {@link reinitialisations}: nothing happens if there has been a reinitialisation since
   * @throws ERR_CRYPTOKI_MODULE_SHARED when code outside this package uses the module; the error of C_Initialize
   */
  reinitialise(since?: number): Promise<void>;

  /**
   * PKCS#11 3.1, section 5.7.5.
   * @param keepBytes true: all values as bytes, except templates; default: in the type of the attribute
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

/** The state of a module and of its sessions, which needs no call. */
export interface ModuleState {
  /** Returns the facts about the module. */
  description(): ModuleDescription;
  /**
   * Returns the current state of a session (one of CKS), which calls on other sessions of the process change, too; undefined when
   * it is closed.
   */
  sessionState(session: bigint): number | undefined;
  /**
   * Returns a number that no other session of the process has or had; undefined when the session is closed. (Modules assign the
   * handle of a closed session to another one.)
   */
  sessionSerial(session: bigint): number | undefined;
  /** Returns the user whom this process has logged in on the token in this slot: CKU.USER, CKU.SO or undefined. */
  loggedIn(slot: bigint): number | undefined;
  /**
   * Returns the number of logins of this process on the token in this slot that have ended. Handles of private objects are valid
   * for one such epoch.
   */
  loginEpoch(slot: bigint): number;
  /** Returns the number of times that this process has reinitialised the module. */
  reinitialisations(): number;
  /**
   * Calls `callback` with the slot soon after each change of the login on its token, by a session of the process in any thread,
   * or detected from an error. There is one callback at a time; null removes it. It does not keep the process alive.
   */
  watchLogins(callback: ((slot: bigint) => void) | null): void;
}

/** The place of the private key of a reference. @internal */
export interface RawKeyPlace {
  readonly slot: bigint;
  readonly handle: bigint;
  readonly isPrivate: boolean;
  /** True if sessions for the key are opened read/write. */
  readonly readWrite: boolean;
  /** The session that is used if the token allows no other. */
  readonly session: bigint;
}

/**
 * References to private keys, from which the OpenSSL provider in the addon makes native keys of Node; see lib/model/native-keys.
 * @internal
 */
export interface KeyReferences {
  /**
   * Creates a reference: the state of a private key in the OpenSSL provider of the addon. It exists while there are claims to its
   * name (at first one) or OpenSSL keys that were made from it.
   * @param notify called with the error when the key is no longer at its place; with undefined when the reference no longer exists
   */
  createKeyReference(
    key: RawKeyPlace & {
      readonly publicKeyInfo: BytesLike;
      readonly mechanisms: readonly number[];
      readonly opensslVersion: string;
    },
    notify?: (error: CryptokiError | undefined) => void,
  ): { readonly id: string; readonly pem: string };
  /** Sets the new place of the key; null if it cannot be found. */
  updateKeyReference(id: string, place: RawKeyPlace | null): void;
  /** Marks the place of the key as wrong until the next update. */
  invalidateKeyReference(id: string): void;
  /** Ends all use of the key. */
  releaseKeyReference(id: string): void;
  /** Adds a claim to the name. @returns false if the reference no longer exists */
  claimKeyReference(id: string): boolean;
  /** Removes a claim to the name. */
  unclaimKeyReference(id: string): void;
  /** Closes the sessions of the provider that have been idle for at least `milliseconds`. */
  closeIdleKeySessions(id: string, milliseconds: number): void;
}

/** A loaded module. */
export interface RawModule extends ModuleCalls, ModuleState, KeyReferences {}
