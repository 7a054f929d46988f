import { constantName, constantValue, smallFlags } from '../core/constant-names';
import { asyncDispose } from '../core/realms';
import { CKF } from '../generated/constants';
import type { RawVersion } from '../raw/values';
import { LoginState } from './login/login-state';
import { type InitTokenOptions, initToken } from './login/pin-admin';
import type { MechanismName } from './mechanisms/mechanism';
import type { Module } from './module';
import type { Session } from './session';
import { Token } from './token';

/** The result of C_GetSlotInfo (PKCS#11 3.1, section 3.2). */
export interface SlotInfo {
  readonly description: string;
  readonly manufacturer: string;
  readonly tokenPresent: boolean;
  /** True if the token can be removed. */
  readonly removable: boolean;
  /** True for a hardware slot, false for one implemented in software. */
  readonly hardware: boolean;
  readonly hardwareVersion: RawVersion;
  readonly firmwareVersion: RawVersion;
}

/** The result of C_GetMechanismInfo (PKCS#11 3.1, section 3.5). */
export interface MechanismInfo {
  /** Smallest and largest key, in bits or bytes as the mechanism defines; undefined if the mechanism has no key sizes. */
  readonly minKeySize: number | undefined;
  readonly maxKeySize: number | undefined;
  /** CKF_ bits. */
  readonly flags: number;
  /** True if the device itself performs the mechanism (CKF_HW). */
  readonly hardware: boolean;
}

/** A slot, which can hold a token. */
export class Slot implements AsyncDisposable {
  readonly module: Module;
  /** CK_SLOT_ID. Many modules number slots anew at each start: keep labels or serial numbers instead. */
  readonly id: bigint;

  /**
   * The sessions that the model has open on the slot.
   * @internal
   */
  readonly sessions = new Set<Session>();

  /**
   * The session that created each session object, by handle.
   * @internal
   */
  readonly creators = new Map<bigint, Session>();

  /**
   * The login on the token.
   * @internal
   */
  readonly login: LoginState;

  /**
   * CKF_LOGIN_REQUIRED, as read last.
   * @internal
   */
  loginRequired = true;

  /** @internal */
  constructor(module: Module, id: bigint) {
    this.module = module;
    this.id = id;
    this.login = new LoginState(this);
  }

  /** Reads information about the slot (C_GetSlotInfo). */
  async info(): Promise<SlotInfo> {
    const info = await this.module.use().C_GetSlotInfo(this.id);
    const flags = smallFlags(info.flags);
    return {
      description: info.slotDescription,
      manufacturer: info.manufacturerID,
      tokenPresent: (flags & CKF.TOKEN_PRESENT) !== 0,
      removable: (flags & CKF.REMOVABLE_DEVICE) !== 0,
      hardware: (flags & CKF.HW_SLOT) !== 0,
      hardwareVersion: info.hardwareVersion,
      firmwareVersion: info.firmwareVersion,
    };
  }

  /**
   * Returns the token in the slot (C_GetTokenInfo, PKCS#11 3.1, section 5.5.3).
   * @throws CKR_TOKEN_NOT_PRESENT for an empty slot, CKR_TOKEN_NOT_RECOGNIZED
   */
  async token(): Promise<Token> {
    return new Token(this, await this.module.use().C_GetTokenInfo(this.id));
  }

  /**
   * Initialises the token in the slot (C_InitToken, PKCS#11 3.1, section 5.5.7). All objects that can be destroyed are
   * destroyed, and the user has no PIN afterwards: set one with Session.initPin, as the security officer.
   * @param options.label of the token, up to 32 bytes as UTF-8
   * @param options.soPin the security officer's PIN: a new one for a token that was not initialised, otherwise the
   *   existing one; null if it is entered at the token's own PIN pad
   * @returns the token, found by its label, because some modules put it into another slot
   * @throws CKR_SESSION_EXISTS, without a call while this program has sessions open on the slot; CKR_PIN_INCORRECT,
   *   CKR_PIN_LOCKED, CKR_TOKEN_WRITE_PROTECTED; ERR_CRYPTOKI_PIN_REFUSED, ERR_CRYPTOKI_PIN_FINAL_TRY
   */
  initToken(options: InitTokenOptions): Promise<Token> {
    return initToken(this, options);
  }

  /** Lists the mechanisms of the token (C_GetMechanismList, PKCS#11 3.1, section 5.5.5). */
  async mechanisms(): Promise<MechanismName[]> {
    const list = await this.module.use().C_GetMechanismList(this.id);
    return list.map((mechanism) => constantName('CKM', mechanism));
  }

  /**
   * Reads information about a mechanism (C_GetMechanismInfo).
   * @throws CKR_MECHANISM_INVALID when the token does not have it
   */
  async mechanism(name: MechanismName): Promise<MechanismInfo> {
    const info = await this.module.use().C_GetMechanismInfo(this.id, constantValue('CKM', name));
    return {
      minKeySize: info.minKeySize,
      maxKeySize: info.maxKeySize,
      flags: smallFlags(info.flags),
      hardware: (smallFlags(info.flags) & CKF.HW) !== 0,
    };
  }

  /** Closes the sessions opened through this object. */
  async [asyncDispose](): Promise<void> {
    await Promise.all([...this.sessions].map((session) => session.close()));
  }
}
