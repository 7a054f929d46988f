import { Agent, type AgentOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { argumentError, requireObject } from '../arguments';
import type { KeyObjectOptions } from './public-half';

/** A key that TLS can use: PrivateKey or ClientPrivateKey. */
export interface TlsKey {
  tlsKey(options?: KeyObjectOptions): Promise<string>;
}

/**
 * The options of a TLS client or server whose key is in a token: those given, with the key. They are what tls, https and
 * http2 take, and what undici takes as `new Agent({ connect })`.
 * @param options with `cert`, the certificate of the key and those that lead to its root
 * @throws those of tlsKey(); TypeError ERR_INVALID_ARG_TYPE
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
  return { ...options, key: await key.tlsKey() };
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
