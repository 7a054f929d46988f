import type { Pin } from './pin';

/** What is known when a PIN is asked for. */
export interface PinRequest {
  /**
   * Why: the first login; the login was lost; a key wants the PIN for each operation (CKA_ALWAYS_AUTHENTICATE); the
   * token refused the PIN before.
   */
  readonly reason: 'login' | 'relogin' | 'contextSpecific' | 'retry';
  /** CKU_: whose PIN. */
  readonly user: 'USER' | 'SO' | 'CONTEXT_SPECIFIC';
  /** 1 for the first, one more for each PIN that the token refused in this login. */
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
    /** A wrong PIN was entered since the last good one. */
    readonly countLow: boolean;
    /** The next wrong PIN locks the token. */
    readonly finalTry: boolean;
    readonly locked: boolean;
    /** The token has its own pad: null lets it ask there. */
    readonly protectedAuthenticationPath: boolean;
  };
  /** The key that wants the PIN, for contextSpecific. */
  readonly key?: { readonly label?: string | undefined; readonly id?: Buffer | undefined } | undefined;
  /** Ends the asking; the provider then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gives the PIN when one is needed; null lets the token ask on its own pad. Bytes it gives are the caller's to overwrite
 * after use, so each time they are new ones. Without a PIN it throws: ERR_CRYPTOKI_PIN_NOT_FOUND when it has none.
 */
export type PinProvider = (request: PinRequest) => Pin | null | Promise<Pin | null>;
