/**
 * `cryptoki/raw`: the functions of PKCS#11 as they are, asynchronous and synchronous. What the package adds at this
 * level: calls on one session are made one after the other in the order they were asked for; C_Initialize and
 * C_Finalize are counted over the process; sizes are asked and buffers grown; a closed session is refused without a
 * call. Everything else is the module's.
 */
import { native } from './addon';
import { traceable } from './call-tracing';
import type { LoadOptions } from './options';
import type { RawModule } from './raw-module';
import { direct } from './sync-fast-path';

export type { Action, OwnCode, ReturnValue } from '../core/errors';
export { CryptokiError, isCode } from '../core/errors';
export type { RawCalls } from '../generated/calls';
export * from '../generated/constants';
export type * from '../generated/structures';
export type * from './batches';
export type { CallTrace } from './call-tracing';
export type * from './operations';
export type * from './options';
export type * from './raw-module';
export type * from './values';

/**
 * Loads a PKCS#11 module; it is not initialised yet.
 * @param path file of the module, or a bare library name for the system's search path
 * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD (no library, wrong architecture, a dependency is
 *   missing), ERR_CRYPTOKI_MODULE_NOT_PKCS11
 */
export async function load(path: string, options?: LoadOptions): Promise<RawModule> {
  return traceable(direct(await native.load(path, options)), path);
}

/** {@link load}, blocking the calling thread. */
export function loadSync(path: string, options?: LoadOptions): RawModule {
  return traceable(direct(native.loadSync(path, options)), path);
}
