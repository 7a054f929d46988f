import type { Pin } from './pin';

/** The argument of a PIN provider. */
export interface PinRequest {
  /**
   * The reason: the first login; a lost login; a key that needs the PIN for each operation (CKA_ALWAYS_AUTHENTICATE); the token
   * refused the previous PIN.
   */
  readonly reason: 'login' | 'relogin' | 'contextSpecific' | 'retry';
  /** The user of the PIN (CKU_). */
  readonly user: 'USER' | 'SO' | 'CONTEXT_SPECIFIC';
  /** 1 for the first call, and one more for each PIN that the token has refused in this login. */
  readonly attempt: number;
  readonly token: {
    readonly label: string;
    readonly serialNumber: string;
    readonly model: string;
    readonly manufacturer: string;
    /** CK_SLOT_ID */
    readonly slot: bigint;
  };
  /** CKF_ flags of the token for this user (PKCS#11 3.1, section 3.2). */
  readonly flags: {
    /** A wrong PIN was entered since the last right one. */
    readonly countLow: boolean;
    /** The next wrong PIN locks the token. */
    readonly finalTry: boolean;
    readonly locked: boolean;
    /** The token has its own PIN pad: return null to use it. */
    readonly protectedAuthenticationPath: boolean;
  };
  /** The key that needs the PIN, if the reason is contextSpecific. */
  readonly key?: { readonly label?: string | undefined; readonly id?: Buffer | undefined } | undefined;
  /** Ends the provider, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the PIN, or null for the PIN pad of the token. The caller overwrites bytes after use, so a provider must return new ones
 * each time. A provider without a PIN throws ERR_CRYPTOKI_PIN_NOT_FOUND.
 */
export type PinProvider = (request: PinRequest) => Pin | null | Promise<Pin | null>;
