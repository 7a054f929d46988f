/**
 * Which PINs a token has refused: they are not sent to it again, since a few wrong ones lock it. Known is only a digest,
 * keyed by a random number of this process.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { refusedPins } from '../../raw/process-state';

/** Whose PIN: the user of a token, told apart by its serial number, label and slot. */
export interface Account {
  readonly token: string;
  readonly user: 'USER' | 'SO' | 'CONTEXT_SPECIFIC';
  readonly username?: string | undefined;
}

// One secret and one memory for all threads of the process: a worker thread has a copy of this module, not of the addon.
const secret = refusedPins.secret(randomBytes(32));

const prefixOf = ({ token, user }: Omit<Account, 'username'>): string => `${token}\n${user}\n`;
const nameOf = (account: Account): string => prefixOf(account) + (account.username ?? '');
const digestOf = (pin: Uint8Array): string => createHmac('sha256', secret).update(pin).digest('base64');

/** Whether the token has refused this PIN. */
export function wasRefused(account: Account, pin: Uint8Array): boolean {
  return refusedPins.has(nameOf(account), digestOf(pin));
}

/** The token has refused this PIN. */
export function rememberRefused(account: Account, pin: Uint8Array): void {
  refusedPins.add(nameOf(account), digestOf(pin));
}

/** The token has taken this PIN. */
export function forgetRefused(account: Account, pin: Uint8Array): void {
  refusedPins.delete(nameOf(account), digestOf(pin));
}

/** The PIN of this user is another one. What was refused may be the new one. */
export function forgetAllRefused(token: string, user: Account['user']): void {
  refusedPins.deleteAll(prefixOf({ token, user }));
}
