/**
 * `cryptoki/pkcs11js`: the interface of pkcs11js on top of `cryptoki/raw`. Programs and packages for pkcs11js run on it
 * unchanged. It exports all constants of PKCS#11 3.2 under their full names (CKM_AES_GCM).
 */
import { CONSTANTS } from './constants';
import { NativeError, Pkcs11Error } from './errors';
import { PKCS11 } from './pkcs11';

export type { Calls, SyncCalls } from './calls';
export type { Calls3 } from './calls-3';
export type { Operations } from './operations';
export type { Operations3 } from './operations-3';
export type * from './parameter-types';
export type * from './types';
export { NativeError, PKCS11, Pkcs11Error };

// A plain object without __esModule: with esModuleInterop, `import pkcs11js from` imports the whole object.
module.exports = { PKCS11, ...CONSTANTS, NativeError, Pkcs11Error };
