import { requireOptions, requireText } from '../core/arguments';
import { pinError } from './error';
import type { PinProvider } from './request';

/** Options of {@link pinFromKeyring}. */
export interface PinKeyringOptions {
  /** The name of the program in the keyring. */
  readonly service: string;
  /** Default: the serial number of the token, so that each token has its own PIN. */
  readonly account?: string | undefined;
}

/** The part of @napi-rs/keyring that this file uses. */
interface Keyring {
  readonly AsyncEntry: new (
    service: string,
    account: string,
  ) => { getPassword(signal?: AbortSignal): Promise<string | null | undefined> };
}

const PEER: string = '@napi-rs/keyring'; // of type string, so that the compiler does not need the package

async function loadKeyring(): Promise<Keyring> {
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ PEER)) as Keyring;
  } catch (error) {
    throw pinError(
      'ERR_CRYPTOKI_PEER_MISSING',
      `pinFromKeyring needs the optional package ${PEER}, which cannot be loaded; run npm install ${PEER}`,
      error,
    );
  }
}

/**
 * Returns a provider of the PIN in the keyring of the system: Keychain of macOS, Credential Manager of Windows, Secret Service or
 * kernel keyring of Linux. Needs the package @napi-rs/keyring, an optional peer dependency.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE. The provider: ERR_CRYPTOKI_PEER_MISSING without the
 *   package; ERR_CRYPTOKI_PIN_NOT_FOUND when the keyring does not have the entry; ERR_CRYPTOKI_PIN_SOURCE when it cannot be opened
 */
export function pinFromKeyring(options: PinKeyringOptions): PinProvider {
  requireOptions(options, 'the options of pinFromKeyring', ['service', 'account']);
  const { service, account } = options;
  requireText(service, 'service');
  if (account !== undefined) requireText(account, 'account');
  return async ({ token, signal }) => {
    signal?.throwIfAborted();
    const name = account ?? token.serialNumber;
    if (name === '') {
      throw pinError(
        'ERR_CRYPTOKI_PIN_SOURCE',
        'the token has no serial number; set the option account of pinFromKeyring',
      );
    }
    const { AsyncEntry } = await loadKeyring();
    const entry = `service "${service}", account "${name}"`;
    let pin: string | null | undefined;
    try {
      pin = await new AsyncEntry(service, name).getPassword(signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw pinError('ERR_CRYPTOKI_PIN_SOURCE', `the keyring of the system cannot be read (${entry})`, error);
    }
    if (pin) return pin;
    throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', `the keyring of the system has no PIN for ${entry}`);
  };
}
