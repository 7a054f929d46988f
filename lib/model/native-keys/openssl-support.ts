/** The support of this version of Node for keys of an OpenSSL provider. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { ownError } from '../../core/errors';

let supportsProviderKeys: boolean | undefined;

/**
 * Returns true when KeyObjects may be keys of a provider. Older versions of Node abort the process when a program reads the
 * details of one. Versions with this support also accept keys by URL: they throw an error that the key is not found; other
 * versions throw ERR_INVALID_ARG_TYPE for a URL.
 */
function acceptsUrls(): boolean {
  try {
    createPrivateKey({ key: new URL('cryptoki-probe:') as unknown as string });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_TYPE';
  }
}

/**
 * Checks that this version of Node supports KeyObjects of a provider.
 * @throws ERR_CRYPTOKI_UNSUPPORTED
 */
export function requireKeyObjects(): void {
  supportsProviderKeys ??= acceptsUrls();
  if (supportsProviderKeys || opensslVersion() === '') return; // without OpenSSL the addon throws the error
  throw ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    `KeyObjects of private keys in tokens need Node 24.21 or 26.7, and this is ${process.versions.node}; ` +
      'use tlsKey() for tls and https, and sign() or decrypt() of the key for everything else',
  );
}

/** Returns the version of OpenSSL that Node itself uses; empty if it uses another library (Bun, Electron). */
export function opensslVersion(): string {
  const { openssl = '', bun, electron } = process.versions;
  return bun !== undefined || electron !== undefined ? '' : openssl;
}

/** Creates the KeyObject for the PEM of a reference. */
export function keyObjectOf(pem: string): KeyObject {
  return createPrivateKey({ key: pem, format: 'pem' });
}
