import type {
  Callback,
  EncapsulatedKey,
  Handle,
  MechanismInput,
  MessageParameter,
  TemplateInput,
} from './types';

type Bytes = NodeJS.ArrayBufferView;

/** The functions of PKCS#11 3.0 and 3.2 that have forms that do not block, like those of Operations. */
export interface Operations3 {
  /** 3.1, section 5.9.2 */
  C_EncryptMessage(
    session: Handle,
    parameter: MessageParameter,
    associatedData: Bytes,
    input: Bytes,
    output: Buffer,
  ): Buffer;
  C_EncryptMessage(
    session: Handle,
    parameter: MessageParameter,
    associatedData: Bytes,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_EncryptMessageCallback(
    session: Handle,
    parameter: MessageParameter,
    associatedData: Bytes,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_EncryptMessageAsync(
    session: Handle,
    parameter: MessageParameter,
    associatedData: Bytes,
    input: Bytes,
    output: Buffer,
  ): Promise<Buffer>;
  /** 3.1, section 5.9.4. @param flags CKF_END_OF_MESSAGE with the last part */
  C_EncryptMessageNext(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    flags: number,
  ): Buffer;
  C_EncryptMessageNext(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    flags: number,
    callback: Callback<Buffer>,
  ): void;
  C_EncryptMessageNextCallback(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    flags: number,
    callback: Callback<Buffer>,
  ): void;
  C_EncryptMessageNextAsync(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    flags: number,
  ): Promise<Buffer>;
  /** 3.1, section 5.11.2 */
  C_DecryptMessage(
    session: Handle,
    parameter: MessageParameter,
    associatedData: Bytes,
    input: Bytes,
    output: Buffer,
  ): Buffer;
  C_DecryptMessage(
    session: Handle,
    parameter: MessageParameter,
    associatedData: Bytes,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_DecryptMessageCallback(
    session: Handle,
    parameter: MessageParameter,
    associatedData: Bytes,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_DecryptMessageAsync(
    session: Handle,
    parameter: MessageParameter,
    associatedData: Bytes,
    input: Bytes,
    output: Buffer,
  ): Promise<Buffer>;
  /** 3.1, section 5.11.4 */
  C_DecryptMessageNext(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    flags: number,
  ): Buffer;
  C_DecryptMessageNext(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    flags: number,
    callback: Callback<Buffer>,
  ): void;
  C_DecryptMessageNextCallback(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    flags: number,
    callback: Callback<Buffer>,
  ): void;
  C_DecryptMessageNextAsync(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    flags: number,
  ): Promise<Buffer>;
  /** 3.1, section 5.14.2 */
  C_SignMessage(session: Handle, parameter: MessageParameter, input: Bytes, output: Buffer): Buffer;
  C_SignMessage(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_SignMessageCallback(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_SignMessageAsync(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
  ): Promise<Buffer>;
  /** 3.1, section 5.14.4 */
  C_SignMessageNext(session: Handle, parameter: MessageParameter, input: Bytes, output: Buffer): Buffer;
  C_SignMessageNext(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_SignMessageNextCallback(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_SignMessageNextAsync(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    output: Buffer,
  ): Promise<Buffer>;
  /** 3.1, section 5.16.2. @returns true */
  C_VerifyMessage(session: Handle, parameter: MessageParameter, input: Bytes, signature: Bytes): boolean;
  C_VerifyMessage(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    signature: Bytes,
    callback: Callback<boolean>,
  ): void;
  C_VerifyMessageCallback(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    signature: Bytes,
    callback: Callback<boolean>,
  ): void;
  C_VerifyMessageAsync(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    signature: Bytes,
  ): Promise<boolean>;
  /** 3.1, section 5.16.4. @returns true */
  C_VerifyMessageNext(session: Handle, parameter: MessageParameter, input: Bytes, signature: Bytes): boolean;
  C_VerifyMessageNext(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    signature: Bytes,
    callback: Callback<boolean>,
  ): void;
  C_VerifyMessageNextCallback(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    signature: Bytes,
    callback: Callback<boolean>,
  ): void;
  C_VerifyMessageNextAsync(
    session: Handle,
    parameter: MessageParameter,
    input: Bytes,
    signature: Bytes,
  ): Promise<boolean>;
  /** 3.2. If the ciphertext does not fit into `output`, the key is destroyed. */
  C_EncapsulateKey(
    session: Handle,
    mechanism: MechanismInput,
    publicKey: Handle,
    template: TemplateInput,
    output: Buffer,
  ): EncapsulatedKey;
  C_EncapsulateKey(
    session: Handle,
    mechanism: MechanismInput,
    publicKey: Handle,
    template: TemplateInput,
    output: Buffer,
    callback: Callback<EncapsulatedKey>,
  ): void;
  C_EncapsulateKeyCallback(
    session: Handle,
    mechanism: MechanismInput,
    publicKey: Handle,
    template: TemplateInput,
    output: Buffer,
    callback: Callback<EncapsulatedKey>,
  ): void;
  C_EncapsulateKeyAsync(
    session: Handle,
    mechanism: MechanismInput,
    publicKey: Handle,
    template: TemplateInput,
    output: Buffer,
  ): Promise<EncapsulatedKey>;
  /** 3.2 */
  C_DecapsulateKey(
    session: Handle,
    mechanism: MechanismInput,
    privateKey: Handle,
    template: TemplateInput,
    ciphertext: Bytes,
  ): Handle;
  C_DecapsulateKey(
    session: Handle,
    mechanism: MechanismInput,
    privateKey: Handle,
    template: TemplateInput,
    ciphertext: Bytes,
    callback: Callback<Handle>,
  ): void;
  C_DecapsulateKeyCallback(
    session: Handle,
    mechanism: MechanismInput,
    privateKey: Handle,
    template: TemplateInput,
    ciphertext: Bytes,
    callback: Callback<Handle>,
  ): void;
  C_DecapsulateKeyAsync(
    session: Handle,
    mechanism: MechanismInput,
    privateKey: Handle,
    template: TemplateInput,
    ciphertext: Bytes,
  ): Promise<Handle>;
  /** 3.2. @returns true */
  C_VerifySignature(session: Handle, input: Bytes): boolean;
  C_VerifySignature(session: Handle, input: Bytes, callback: Callback<boolean>): void;
  C_VerifySignatureCallback(session: Handle, input: Bytes, callback: Callback<boolean>): void;
  C_VerifySignatureAsync(session: Handle, input: Bytes): Promise<boolean>;
  /** 3.2. @returns true */
  C_VerifySignatureFinal(session: Handle): boolean;
  C_VerifySignatureFinal(session: Handle, callback: Callback<boolean>): void;
  C_VerifySignatureFinalCallback(session: Handle, callback: Callback<boolean>): void;
  C_VerifySignatureFinalAsync(session: Handle): Promise<boolean>;
  /** 3.2 */
  C_WrapKeyAuthenticated(
    session: Handle,
    mechanism: MechanismInput,
    wrappingKey: Handle,
    key: Handle,
    associatedData: Bytes,
    output: Buffer,
  ): Buffer;
  C_WrapKeyAuthenticated(
    session: Handle,
    mechanism: MechanismInput,
    wrappingKey: Handle,
    key: Handle,
    associatedData: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_WrapKeyAuthenticatedCallback(
    session: Handle,
    mechanism: MechanismInput,
    wrappingKey: Handle,
    key: Handle,
    associatedData: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_WrapKeyAuthenticatedAsync(
    session: Handle,
    mechanism: MechanismInput,
    wrappingKey: Handle,
    key: Handle,
    associatedData: Bytes,
    output: Buffer,
  ): Promise<Buffer>;
  /** 3.2 */
  C_UnwrapKeyAuthenticated(
    session: Handle,
    mechanism: MechanismInput,
    unwrappingKey: Handle,
    wrappedKey: Bytes,
    template: TemplateInput,
    associatedData: Bytes,
  ): Handle;
  C_UnwrapKeyAuthenticated(
    session: Handle,
    mechanism: MechanismInput,
    unwrappingKey: Handle,
    wrappedKey: Bytes,
    template: TemplateInput,
    associatedData: Bytes,
    callback: Callback<Handle>,
  ): void;
  C_UnwrapKeyAuthenticatedCallback(
    session: Handle,
    mechanism: MechanismInput,
    unwrappingKey: Handle,
    wrappedKey: Bytes,
    template: TemplateInput,
    associatedData: Bytes,
    callback: Callback<Handle>,
  ): void;
  C_UnwrapKeyAuthenticatedAsync(
    session: Handle,
    mechanism: MechanismInput,
    unwrappingKey: Handle,
    wrappedKey: Bytes,
    template: TemplateInput,
    associatedData: Bytes,
  ): Promise<Handle>;
}
