/**
 * `cryptoki/raw`: the functions of PKCS#11, asynchronous and synchronous. This level adds: calls on one session run one at a
 * time, in their order; C_Initialize and C_Finalize are counted over the process; buffers have the size of the result; a closed
 * session is refused without a call. All other behaviour is that of the module.
 */
import { native } from './addon';
import { traceable } from './call-tracing';
import type { LoadOptions } from './options';
import type { RawModule } from './raw-module';
import { withFastPath } from './sync-fast-path';

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
 * Loads a PKCS#11 module without initialising it.
 * @param path file of the module, or a library name that the system searches for
 * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD (not a library, wrong architecture, missing dependency),
 *   ERR_CRYPTOKI_MODULE_NOT_PKCS11
 */
export async function load(path: string, options?: LoadOptions): Promise<RawModule> {
  return traceable(withFastPath(await native.load(path, options)), path);
}

/** Loads a module like {@link load}, and blocks the calling thread. */
export function loadSync(path: string, options?: LoadOptions): RawModule {
  return traceable(withFastPath(native.loadSync(path, options)), path);
}
