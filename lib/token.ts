import { argumentError, requireOptions } from './arguments';
import { CKF } from './generated/constants';
import type { CK_TOKEN_INFO } from './generated/structures';
import type { RawVersion } from './raw/types';
import { Session, type SessionOptions } from './session';
import type { Slot } from './slot';

/** C_GetTokenInfo (PKCS#11 3.1, section 3.2), with its flags by name. */
export interface TokenInfo {
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serialNumber: string;
  /** CKF_ bits. */
  readonly flags: number;
  readonly initialized: boolean;
  readonly writeProtected: boolean;
  readonly loginRequired: boolean;
  readonly userPinInitialized: boolean;
  /** The token has its own way to ask for the PIN: log in with null. */
  readonly protectedAuthenticationPath: boolean;
  /** Wrong PINs were entered; one try is left; locked. */
  readonly userPin: { readonly countLow: boolean; readonly finalTry: boolean; readonly locked: boolean };
  /** Infinity when the token sets no limit, undefined when it does not say. */
  readonly maxSessions: number | undefined;
  readonly maxReadWriteSessions: number | undefined;
  /** Sessions that this process has open, as the token counts; undefined when it does not say. */
  readonly sessions: number | undefined;
  readonly readWriteSessions: number | undefined;
  /** Length of a PIN in bytes. */
  readonly minPinLength: number | undefined;
  readonly maxPinLength: number | undefined;
  /** In bytes. */
  readonly totalPublicMemory: number | undefined;
  readonly freePublicMemory: number | undefined;
  readonly totalPrivateMemory: number | undefined;
  readonly freePrivateMemory: number | undefined;
  readonly hardwareVersion: RawVersion;
  readonly firmwareVersion: RawVersion;
}

/** CK_EFFECTIVELY_INFINITE is 0. */
const limit = (value: number | undefined): number | undefined =>
  value === 0 ? Number.POSITIVE_INFINITY : value;

function toInfo(info: CK_TOKEN_INFO): TokenInfo {
  const has = (flag: number): boolean => (info.flags & flag) !== 0;
  return {
    label: info.label,
    manufacturer: info.manufacturerID,
    model: info.model,
    serialNumber: info.serialNumber,
    flags: info.flags,
    initialized: has(CKF.TOKEN_INITIALIZED),
    writeProtected: has(CKF.WRITE_PROTECTED),
    loginRequired: has(CKF.LOGIN_REQUIRED),
    userPinInitialized: has(CKF.USER_PIN_INITIALIZED),
    protectedAuthenticationPath: has(CKF.PROTECTED_AUTHENTICATION_PATH),
    userPin: {
      countLow: has(CKF.USER_PIN_COUNT_LOW),
      finalTry: has(CKF.USER_PIN_FINAL_TRY),
      locked: has(CKF.USER_PIN_LOCKED),
    },
    maxSessions: limit(info.maxSessionCount),
    maxReadWriteSessions: limit(info.maxRwSessionCount),
    sessions: info.sessionCount,
    readWriteSessions: info.rwSessionCount,
    minPinLength: info.minPinLen,
    maxPinLength: info.maxPinLen,
    totalPublicMemory: info.totalPublicMemory,
    freePublicMemory: info.freePublicMemory,
    totalPrivateMemory: info.totalPrivateMemory,
    freePrivateMemory: info.freePrivateMemory,
    hardwareVersion: info.hardwareVersion,
    firmwareVersion: info.firmwareVersion,
  };
}

/** The token in a slot: what holds keys and other objects. */
export class Token implements AsyncDisposable {
  readonly slot: Slot;
  readonly label: string;
  readonly serialNumber: string;
  readonly model: string;
  readonly manufacturer: string;
  /** Whether it was initialised when this object was made. */
  readonly initialized: boolean;
  readonly #sessions = new Set<Session>();
  #mechanisms: Promise<ReadonlySet<number>> | undefined;
  #mechanismsNow: ReadonlySet<number> | undefined;

  /** @internal */
  constructor(slot: Slot, raw: CK_TOKEN_INFO) {
    const info = toInfo(raw);
    this.slot = slot;
    this.label = info.label;
    this.serialNumber = info.serialNumber;
    this.model = info.model;
    this.manufacturer = info.manufacturer;
    this.initialized = info.initialized;
  }

  /** C_GetTokenInfo, asked anew. */
  async info(): Promise<TokenInfo> {
    return toInfo(await this.slot.module.use().C_GetTokenInfo(this.slot.id));
  }

  /**
   * Opens a session (C_OpenSession, PKCS#11 3.1, section 5.6.1). It is logged in if any session of the process on the
   * token is.
   * @param options.readWrite whether token objects can be created, changed and destroyed; default false
   * @throws CKR_SESSION_COUNT when the token allows no more, CKR_TOKEN_WRITE_PROTECTED,
   *   CKR_SESSION_READ_WRITE_SO_EXISTS, CKR_TOKEN_NOT_RECOGNIZED for a token that is not initialised
   */
  async openSession(options: SessionOptions = {}): Promise<Session> {
    requireOptions(options, 'the options of openSession', ['readWrite']);
    const readWrite = options.readWrite ?? false;
    if (typeof readWrite !== 'boolean') throw argumentError(TypeError, 'readWrite must be a boolean');
    const flags = CKF.SERIAL_SESSION | (readWrite ? CKF.RW_SESSION : 0);
    const handle = await this.slot.module.use().C_OpenSession(this.slot.id, flags);
    const session = new Session(this, handle, readWrite, this.#sessions);
    // Asked here, so that no operation has to ask first: it is queued before its caller goes on.
    if (this.#mechanismsNow === undefined) await Promise.resolve(this.mechanismSet()).catch(() => {});
    return session;
  }

  /**
   * The mechanisms of the token, asked once: algorithms choose by them. A promise only while they are not known.
   * @internal
   */
  mechanismSet(): ReadonlySet<number> | Promise<ReadonlySet<number>> {
    if (this.#mechanismsNow !== undefined) return this.#mechanismsNow;
    this.#mechanisms ??= this.#askMechanisms().finally(() => {
      this.#mechanisms = undefined;
    });
    return this.#mechanisms;
  }

  /** @internal */
  mechanismSetSync(): ReadonlySet<number> {
    this.#mechanismsNow ??= new Set(this.slot.module.use().C_GetMechanismListSync(this.slot.id));
    return this.#mechanismsNow;
  }

  async #askMechanisms(): Promise<ReadonlySet<number>> {
    this.#mechanismsNow = new Set(await this.slot.module.use().C_GetMechanismList(this.slot.id));
    return this.#mechanismsNow;
  }

  /** Closes the sessions opened through this object. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }
}
