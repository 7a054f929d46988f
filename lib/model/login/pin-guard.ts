/**
 * The PINs that a token has refused. They are not sent to it again, because a few wrong ones lock it. Only digests are
 * kept, keyed by a random number of this process.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { refusedPins } from '../../raw/process-state';

/** The user of a token to whom a PIN belongs. */
export interface Account {
  /** Token.identity: serial number, label and slot. */
  readonly token: string;
  readonly user: 'USER' | 'SO' | 'CONTEXT_SPECIFIC';
  readonly username?: string | undefined;
}

// The addon keeps one secret and one list for the process: each worker thread has its own copy of this file, not of the addon.
const secret = refusedPins.secret(randomBytes(32));

const prefixOf = ({ token, user }: Omit<Account, 'username'>): string => `${token}\n${user}\n`;
const nameOf = (account: Account): string => prefixOf(account) + (account.username ?? '');
const digestOf = (pin: Uint8Array): string => createHmac('sha256', secret).update(pin).digest('base64');

/** Returns true when the token has refused this PIN. */
export function wasRefused(account: Account, pin: Uint8Array): boolean {
  return refusedPins.has(nameOf(account), digestOf(pin));
}

/** Records that the token has refused this PIN. */
export function rememberRefused(account: Account, pin: Uint8Array): void {
  refusedPins.add(nameOf(account), digestOf(pin));
}

/** Records that the token has accepted this PIN. */
export function forgetRefused(account: Account, pin: Uint8Array): void {
  refusedPins.delete(nameOf(account), digestOf(pin));
}

/** Forgets all refused PINs of a user whose PIN has changed: the new one can be among them. */
export function forgetAllRefused(token: string, user: Account['user']): void {
  refusedPins.deleteAll(prefixOf({ token, user }));
}
