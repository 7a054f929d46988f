import type { Agent, AgentOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { wrongType, wrongValue } from '../core/argument-errors';
import { requireObject } from '../core/arguments';
import { ownError } from '../core/errors';
import type { KeyObjectOptions } from '../model/native-keys/public-half';
import type { TlsParameters } from '../model/native-keys/tls-algorithms';

/** A key that TLS can use: a PrivateKey or a ClientPrivateKey. */
export interface TlsKey {
  tlsKey(options?: KeyObjectOptions): Promise<string>;
  /** Returns the PEM of {@link tlsKey} with TLS options that exclude algorithms which the token lacks. @internal */
  tlsParameters?(): Promise<TlsParameters>;
}

/**
 * Returns the options of a TLS client or server with a key in a token: those given, and the key. Pass them to tls, https or
 * http2, or to undici as `new Agent({ connect })`.
 *
 * If the token lacks mechanisms that TLS may choose (many cards sign RSA with PKCS #1 v1.5 only), `sigalgs` is set to the
 * remaining algorithms, and `maxVersion` to 'TLSv1.2' if TLS 1.3 has none of them. A `sigalgs` or a version that is given is not
 * changed.
 * @param options with `cert`: the certificate of the key, followed by its chain
 * @throws the errors of tlsKey(); ERR_CRYPTOKI_UNSUPPORTED when the token cannot sign handshakes of the required version;
 *   TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export async function tlsOptions<Options extends SecureContextOptions>(
  key: TlsKey,
  options: Options,
): Promise<Options & { readonly key: string }> {
  if (typeof key?.tlsKey !== 'function') throw wrongType('key', 'a private key of a token', key);
  requireObject(options, 'the TLS options');
  if (options.cert === undefined)
    throw wrongValue('the TLS options have no "cert"; give the certificate of the key');
  if (options.sigalgs !== undefined || key.tlsParameters === undefined)
    return { ...options, key: (await key.tlsParameters?.())?.key ?? (await key.tlsKey()) };
  const { maxVersion, ...parameters } = await key.tlsParameters();
  if (maxVersion === undefined) return { ...options, ...parameters };
  if (options.minVersion === 'TLSv1.3') {
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      'the token has no mechanism that signs TLS 1.3 handshakes with this key, and minVersion requires TLS 1.3; set minVersion to TLSv1.2',
    );
  }
  const hasVersion = options.maxVersion !== undefined && options.maxVersion !== 'TLSv1.3';
  // secureProtocol is the older option for versions. TLS does not allow it beside maxVersion.
  if (hasVersion || options.secureProtocol !== undefined) return { ...options, ...parameters };
  return { ...options, ...parameters, maxVersion };
}

/**
 * Returns an https.Agent for a client certificate whose key is in a token; see {@link tlsOptions}.
 *
 * ```ts
 * https.get(url, { agent: await httpsAgent(key, { cert, keepAlive: true }) });
 * ```
 */
export async function httpsAgent(key: TlsKey, options: AgentOptions): Promise<Agent> {
  // Loaded on first use: most programs do not need it, and loading it takes milliseconds.
  const https = require('node:https') as typeof import('node:https');
  return new https.Agent(await tlsOptions(key, options));
}
