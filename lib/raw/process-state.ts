/** State and tables that the addon keeps for all threads of the process. */
import { native } from './addon';

/** Returns true if a mechanism makes MACs. @param mechanism CKM_ number */
export function isMac(mechanism: number): boolean {
  return native.isMac(mechanism);
}

/** Registers the type of a vendor's attribute; see registerAttribute of `cryptoki`. */
export function registerAttributeType(type: number, kind: string, name: string): void {
  native.registerAttribute(type, kind, name);
}

/** The PINs that tokens have refused, as digests with a key that stays in native code; see model/login/pin-guard. */
export const refusedPins = native.lockout;
