import type { Calls3 } from './calls-3';
import type { Operations } from './operations';
import type { Operations3 } from './operations-3';
import type {
  Handle,
  InitializationOptions,
  MechanismInfo,
  MechanismInput,
  ModuleInfo,
  SessionInfo,
  SlotInfo,
  TemplateInput,
  TemplateResult,
  TokenInfo,
} from './types';

/**
 * The types of the functions. All block the calling thread; those of {@link Operations} also have forms that do not. All throw
 * TypeError (with the texts of pkcs11js) or RangeError for wrong arguments before a call, Pkcs11Error for an error of the module,
 * and NativeError when no module is loaded. Sections are those of PKCS#11 3.1.
 */

type Bytes = NodeJS.ArrayBufferView;

/** The functions that have a blocking form only. */
export interface SyncCalls {
  /** 5.4.1. @throws Pkcs11Error CKR_CRYPTOKI_ALREADY_INITIALIZED when this thread has initialised it before */
  C_Initialize(options?: InitializationOptions | null): void;
  /** 5.4.2, for all PKCS11 objects of the library. Waits for the calls in flight. */
  C_Finalize(): void;
  /** 5.4.3 */
  C_GetInfo(): ModuleInfo;
  /** 5.5.1. @param tokenPresent true: only slots with a token; default false */
  C_GetSlotList(tokenPresent?: boolean): Handle[];
  /** 5.5.2 */
  C_GetSlotInfo(slot: Handle): SlotInfo;
  /** 5.5.3 */
  C_GetTokenInfo(slot: Handle): TokenInfo;
  /** 5.5.4. @returns the slot; null for CKR_NO_EVENT, which occurs with CKF_DONT_BLOCK only */
  C_WaitForSlotEvent(flags: number): Handle | null;
  /** 5.5.5 */
  C_GetMechanismList(slot: Handle): number[];
  /** 5.5.6 */
  C_GetMechanismInfo(slot: Handle, mechanism: number): MechanismInfo;
  /**
   * 5.5.7. All three arguments are necessary, as in pkcs11js, although that declares two as optional and a string as result:
   * there is none. The PIN arguments of C_InitPIN and C_Login are necessary, too.
   * @param pin that of the security officer; null for a token with its own PIN pad, here and below
   */
  C_InitToken(slot: Handle, pin?: string | null, label?: string): string;
  /** 5.5.8 */
  C_InitPIN(session: Handle, pin?: string | null): void;
  /** 5.5.9 */
  C_SetPIN(session: Handle, oldPin: string | null | undefined, newPin: string | null | undefined): void;
  /** 5.6.1 */
  C_OpenSession(slot: Handle, flags: number): Handle;
  /** 5.6.2 */
  C_CloseSession(session: Handle): void;
  /** 5.6.3 */
  C_CloseAllSessions(slot: Handle): void;
  /** 5.6.4 */
  C_GetSessionInfo(session: Handle): SessionInfo;
  /** 5.6.6 */
  C_GetOperationState(session: Handle): Buffer;
  /** 5.6.7. Without a key: a handle of zeros. */
  C_SetOperationState(session: Handle, state: Bytes, encryptionKey: Handle, authenticationKey: Handle): void;
  /** 5.6.8 */
  C_Login(session: Handle, userType: number, pin?: string | null): void;
  /** 5.6.10 */
  C_Logout(session: Handle): void;
  /** 5.7.3 */
  C_DestroyObject(session: Handle, object: Handle): void;
  /** 5.7.4. @returns 4294967295 when the token does not report the size */
  C_GetObjectSize(session: Handle, object: Handle): number;
  /**
   * 5.7.5. @returns the same array with the same elements, whose `value` is set
   * @throws Pkcs11Error when a value cannot be read; then none is set
   */
  C_GetAttributeValue(session: Handle, object: Handle, template: TemplateInput): TemplateResult;
  /** 5.7.7 */
  C_FindObjectsInit(session: Handle, template: TemplateInput): void;
  /** 5.7.8. @param maxObjectCount the maximum number of handles */
  C_FindObjects(session: Handle, maxObjectCount: number): Handle[];
  /** 5.7.8. @returns one handle, or null when there are no more */
  C_FindObjects(session: Handle): Handle | null;
  /** 5.7.9 */
  C_FindObjectsFinal(session: Handle): void;
  /** 5.8.1 */
  C_EncryptInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 5.8.3 */
  C_EncryptUpdate(session: Handle, input: Bytes, output: Buffer): Buffer;
  /** 5.10.1 */
  C_DecryptInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 5.10.3 */
  C_DecryptUpdate(session: Handle, input: Bytes, output: Buffer): Buffer;
  /** 5.12.1 */
  C_DigestInit(session: Handle, mechanism: MechanismInput): void;
  /** 5.12.3 */
  C_DigestUpdate(session: Handle, input: Bytes): void;
  /** 5.12.4 */
  C_DigestKey(session: Handle, key: Handle): void;
  /** 5.13.1 */
  C_SignInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 5.13.3 */
  C_SignUpdate(session: Handle, input: Bytes): void;
  /** 5.13.5 */
  C_SignRecoverInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 5.13.6 */
  C_SignRecover(session: Handle, input: Bytes, output: Buffer): Buffer;
  /** 5.15.1 */
  C_VerifyInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 5.15.3 */
  C_VerifyUpdate(session: Handle, input: Bytes): void;
  /** 5.15.5 */
  C_VerifyRecoverInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 5.15.6 */
  C_VerifyRecover(session: Handle, signature: Bytes, output: Buffer): Buffer;
  /** 5.19.1 */
  C_SeedRandom(session: Handle, seed: Bytes): void;
  /** 5.19.2. @returns `output`, filled */
  C_GenerateRandom(session: Handle, output: Buffer): Buffer;
}

/** All functions except those that are methods of the class. */
export interface Calls extends SyncCalls, Calls3, Operations, Operations3 {}
