/** What this Node can do with keys of an OpenSSL provider. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { CryptokiError } from '../../core/errors';

let takesProviderKeys: boolean | undefined;

/**
 * Whether KeyObjects may be keys of a provider. Older versions of Node abort the process when they are asked for the
 * details of one. Those that can, know keys by URL: they say that there is nothing to be found; others, that a URL is no key.
 */
function asksProviders(): boolean {
  try {
    createPrivateKey({ key: new URL('cryptoki-probe:') as unknown as string });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_TYPE';
  }
}

/** @throws ERR_CRYPTOKI_UNSUPPORTED on a version of Node that cannot have such KeyObjects */
export function requireKeyObjects(): void {
  takesProviderKeys ??= asksProviders();
  if (takesProviderKeys || opensslVersion() === '') return; // without OpenSSL the addon says so
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
    detail:
      `private keys in tokens can be KeyObjects from Node 24.21 and 26.7 on, and this is ${process.versions.node}; ` +
      'use tlsKey() for tls and https, and sign() or decrypt() of the key for everything else',
  });
}

/** The version of OpenSSL that Node itself uses; empty where it uses something else (Bun, Electron). */
export function opensslVersion(): string {
  const { openssl = '', bun, electron } = process.versions;
  return bun !== undefined || electron !== undefined ? '' : openssl;
}

/** The KeyObject for PEM that names a reference. */
export function keyObjectOf(pem: string): KeyObject {
  return createPrivateKey({ key: pem, format: 'pem' });
}
