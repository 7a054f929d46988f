import type { AsyncData, Handle, MechanismInput, MessageParameter } from './types';

/** The types of the functions of PKCS#11 3.0 and 3.2, which pkcs11js does not have. */

type Bytes = NodeJS.ArrayBufferView;

/** The functions that have a blocking form only. */
export interface Calls3 {
  /** 3.1, section 5.6.9 */
  C_LoginUser(session: Handle, userType: number, pin: string | null | undefined, username: string): void;
  /** 3.1, section 5.6.5. @param flags the operations: CKF_SIGN ... */
  C_SessionCancel(session: Handle, flags: number): void;
  /** 3.1, section 5.9.1 */
  C_MessageEncryptInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 3.1, section 5.9.3 */
  C_EncryptMessageBegin(session: Handle, parameter: MessageParameter, associatedData: Bytes): void;
  /** 3.1, section 5.9.5 */
  C_MessageEncryptFinal(session: Handle): void;
  /** 3.1, section 5.11.1 */
  C_MessageDecryptInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 3.1, section 5.11.3 */
  C_DecryptMessageBegin(session: Handle, parameter: MessageParameter, associatedData: Bytes): void;
  /** 3.1, section 5.11.5 */
  C_MessageDecryptFinal(session: Handle): void;
  /** 3.1, section 5.14.1 */
  C_MessageSignInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 3.1, section 5.14.3 */
  C_SignMessageBegin(session: Handle, parameter: MessageParameter): void;
  /** 3.1, section 5.14.5 */
  C_MessageSignFinal(session: Handle): void;
  /** 3.1, section 5.16.1 */
  C_MessageVerifyInit(session: Handle, mechanism: MechanismInput, key: Handle): void;
  /** 3.1, section 5.16.3 */
  C_VerifyMessageBegin(session: Handle, parameter: MessageParameter): void;
  /** 3.1, section 5.16.5 */
  C_MessageVerifyFinal(session: Handle): void;
  /** 3.2 */
  C_VerifySignatureInit(session: Handle, mechanism: MechanismInput, key: Handle, signature: Bytes): void;
  /** 3.2 */
  C_VerifySignatureUpdate(session: Handle, input: Bytes): void;
  /** 3.2. @param type CKV_ number */
  C_GetSessionValidationFlags(session: Handle, type: number): number;
  /** 3.2. @param functionName the function that returned CKR_PENDING */
  C_AsyncComplete(session: Handle, functionName: string): AsyncData;
  /** 3.2 */
  C_AsyncGetID(session: Handle, functionName: string): number;
  /** 3.2 */
  C_AsyncJoin(session: Handle, functionName: string, id: number, data: Bytes): void;
}
