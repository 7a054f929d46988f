import { Agent, type AgentOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { argumentError, requireObject } from '../core/arguments';
import { CryptokiError } from '../core/errors';
import type { KeyObjectOptions } from '../model/native-keys/public-half';
import type { TlsParameters } from '../model/native-keys/tls-algorithms';

/** A key that TLS can use: PrivateKey or ClientPrivateKey. */
export interface TlsKey {
  tlsKey(options?: KeyObjectOptions): Promise<string>;
  /** The key as {@link tlsKey} gives it, and what keeps TLS from asking for what the token cannot do. @internal */
  tlsParameters?(): Promise<TlsParameters>;
}

/**
 * The options of a TLS client or server whose key is in a token: those given, with the key. They are what tls, https and
 * http2 take, and what undici takes as `new Agent({ connect })`.
 *
 * Where the token lacks mechanisms that TLS may choose (many cards sign RSA with PKCS #1 v1.5 only), `sigalgs` is set to the
 * algorithms that are left, and `maxVersion` to 'TLSv1.2' where none of them is for TLS 1.3. A `sigalgs` that is given stays
 * as it is, and so do versions.
 * @param options with `cert`, the certificate of the key and those that lead to its root
 * @throws those of tlsKey(); ERR_CRYPTOKI_UNSUPPORTED when the token cannot sign handshakes of the version that is asked for;
 *   TypeError ERR_INVALID_ARG_TYPE
 */
export async function tlsOptions<Options extends SecureContextOptions>(
  key: TlsKey,
  options: Options,
): Promise<Options & { readonly key: string }> {
  if (typeof key?.tlsKey !== 'function')
    throw argumentError(TypeError, 'key must be a private key in a token');
  requireObject(options, 'the options of TLS');
  if (options.cert === undefined)
    throw argumentError(TypeError, 'the options of TLS need the "cert" of the key');
  if (options.sigalgs !== undefined || key.tlsParameters === undefined)
    return { ...options, key: (await key.tlsParameters?.())?.key ?? (await key.tlsKey()) };
  const { maxVersion, ...parameters } = await key.tlsParameters();
  if (maxVersion === undefined) return { ...options, ...parameters };
  if (options.minVersion === 'TLSv1.3') {
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_UNSUPPORTED',
      detail: 'TLS 1.3 is asked for, and the token has no mechanism to sign its handshakes with this key',
    });
  }
  // An older way to choose versions, which does not go together with the newer.
  const choosesVersion = options.maxVersion !== undefined && options.maxVersion !== 'TLSv1.3';
  if (choosesVersion || options.secureProtocol !== undefined) return { ...options, ...parameters };
  return { ...options, ...parameters, maxVersion };
}

/**
 * An https.Agent that shows a certificate whose key is in a token; see {@link tlsOptions}.
 *
 * ```ts
 * https.get(url, { agent: await httpsAgent(key, { cert, keepAlive: true }) });
 * ```
 */
export async function httpsAgent(key: TlsKey, options: AgentOptions): Promise<Agent> {
  return new Agent(await tlsOptions(key, options));
}
