import type { Callback, Handle, KeyPair, MechanismInput, TemplateInput } from './types';

type Bytes = NodeJS.ArrayBufferView;

/**
 * The functions that have forms that do not block: a callback as last argument, `XCallback`, and `XAsync` with a promise. All are
 * methods with explicit overloads, as in pkcs11js, so that classes that extend PKCS11 can override them.
 */
export interface Operations {
  /** 5.8.2. @param output receives the result @returns the part of `output` that the result fills; here and below */
  C_Encrypt(session: Handle, input: Bytes, output: Buffer): Buffer;
  C_Encrypt(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_EncryptCallback(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_EncryptAsync(session: Handle, input: Bytes, output: Buffer): Promise<Buffer>;
  /** 5.8.4 */
  C_EncryptFinal(session: Handle, output: Buffer): Buffer;
  C_EncryptFinal(session: Handle, output: Buffer, callback: Callback<Buffer>): void;
  C_EncryptFinalCallback(session: Handle, output: Buffer, callback: Callback<Buffer>): void;
  C_EncryptFinalAsync(session: Handle, output: Buffer): Promise<Buffer>;
  /** 5.10.2 */
  C_Decrypt(session: Handle, input: Bytes, output: Buffer): Buffer;
  C_Decrypt(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_DecryptCallback(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_DecryptAsync(session: Handle, input: Bytes, output: Buffer): Promise<Buffer>;
  /** 5.10.4 */
  C_DecryptFinal(session: Handle, output: Buffer): Buffer;
  C_DecryptFinal(session: Handle, output: Buffer, callback: Callback<Buffer>): void;
  C_DecryptFinalCallback(session: Handle, output: Buffer, callback: Callback<Buffer>): void;
  C_DecryptFinalAsync(session: Handle, output: Buffer): Promise<Buffer>;
  /** 5.12.2 */
  C_Digest(session: Handle, input: Bytes, output: Buffer): Buffer;
  C_Digest(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_DigestCallback(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_DigestAsync(session: Handle, input: Bytes, output: Buffer): Promise<Buffer>;
  /** 5.12.5 */
  C_DigestFinal(session: Handle, output: Buffer): Buffer;
  C_DigestFinal(session: Handle, output: Buffer, callback: Callback<Buffer>): void;
  C_DigestFinalCallback(session: Handle, output: Buffer, callback: Callback<Buffer>): void;
  C_DigestFinalAsync(session: Handle, output: Buffer): Promise<Buffer>;
  /** 5.13.2 */
  C_Sign(session: Handle, input: Bytes, output: Buffer): Buffer;
  C_Sign(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_SignCallback(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_SignAsync(session: Handle, input: Bytes, output: Buffer): Promise<Buffer>;
  /** 5.13.4 */
  C_SignFinal(session: Handle, output: Buffer): Buffer;
  C_SignFinal(session: Handle, output: Buffer, callback: Callback<Buffer>): void;
  C_SignFinalCallback(session: Handle, output: Buffer, callback: Callback<Buffer>): void;
  C_SignFinalAsync(session: Handle, output: Buffer): Promise<Buffer>;
  /** 5.15.2. @returns true @throws Pkcs11Error CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE */
  C_Verify(session: Handle, input: Bytes, signature: Bytes): boolean;
  C_Verify(session: Handle, input: Bytes, signature: Bytes, callback: Callback<boolean>): void;
  C_VerifyCallback(session: Handle, input: Bytes, signature: Bytes, callback: Callback<boolean>): void;
  C_VerifyAsync(session: Handle, input: Bytes, signature: Bytes): Promise<boolean>;
  /** 5.15.4. As C_Verify. */
  C_VerifyFinal(session: Handle, signature: Bytes): boolean;
  C_VerifyFinal(session: Handle, signature: Bytes, callback: Callback<boolean>): void;
  C_VerifyFinalCallback(session: Handle, signature: Bytes, callback: Callback<boolean>): void;
  C_VerifyFinalAsync(session: Handle, signature: Bytes): Promise<boolean>;
  /** 5.17.1 */
  C_DigestEncryptUpdate(session: Handle, input: Bytes, output: Buffer): Buffer;
  C_DigestEncryptUpdate(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_DigestEncryptUpdateCallback(
    session: Handle,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_DigestEncryptUpdateAsync(session: Handle, input: Bytes, output: Buffer): Promise<Buffer>;
  /** 5.17.2 */
  C_DecryptDigestUpdate(session: Handle, input: Bytes, output: Buffer): Buffer;
  C_DecryptDigestUpdate(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_DecryptDigestUpdateCallback(
    session: Handle,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_DecryptDigestUpdateAsync(session: Handle, input: Bytes, output: Buffer): Promise<Buffer>;
  /** 5.17.3 */
  C_SignEncryptUpdate(session: Handle, input: Bytes, output: Buffer): Buffer;
  C_SignEncryptUpdate(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_SignEncryptUpdateCallback(
    session: Handle,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_SignEncryptUpdateAsync(session: Handle, input: Bytes, output: Buffer): Promise<Buffer>;
  /** 5.17.4 */
  C_DecryptVerifyUpdate(session: Handle, input: Bytes, output: Buffer): Buffer;
  C_DecryptVerifyUpdate(session: Handle, input: Bytes, output: Buffer, callback: Callback<Buffer>): void;
  C_DecryptVerifyUpdateCallback(
    session: Handle,
    input: Bytes,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_DecryptVerifyUpdateAsync(session: Handle, input: Bytes, output: Buffer): Promise<Buffer>;
  /** 5.18.1 */
  C_GenerateKey(session: Handle, mechanism: MechanismInput, template: TemplateInput): Handle;
  C_GenerateKey(
    session: Handle,
    mechanism: MechanismInput,
    template: TemplateInput,
    callback: Callback<Handle>,
  ): void;
  C_GenerateKeyCallback(
    session: Handle,
    mechanism: MechanismInput,
    template: TemplateInput,
    callback: Callback<Handle>,
  ): void;
  C_GenerateKeyAsync(session: Handle, mechanism: MechanismInput, template: TemplateInput): Promise<Handle>;
  /** 5.18.2 */
  C_GenerateKeyPair(
    session: Handle,
    mechanism: MechanismInput,
    publicTemplate: TemplateInput,
    privateTemplate: TemplateInput,
  ): KeyPair;
  C_GenerateKeyPair(
    session: Handle,
    mechanism: MechanismInput,
    publicTemplate: TemplateInput,
    privateTemplate: TemplateInput,
    callback: Callback<KeyPair>,
  ): void;
  C_GenerateKeyPairCallback(
    session: Handle,
    mechanism: MechanismInput,
    publicTemplate: TemplateInput,
    privateTemplate: TemplateInput,
    callback: Callback<KeyPair>,
  ): void;
  C_GenerateKeyPairAsync(
    session: Handle,
    mechanism: MechanismInput,
    publicTemplate: TemplateInput,
    privateTemplate: TemplateInput,
  ): Promise<KeyPair>;
  /** 5.18.3 */
  C_WrapKey(
    session: Handle,
    mechanism: MechanismInput,
    wrappingKey: Handle,
    key: Handle,
    output: Buffer,
  ): Buffer;
  C_WrapKey(
    session: Handle,
    mechanism: MechanismInput,
    wrappingKey: Handle,
    key: Handle,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_WrapKeyCallback(
    session: Handle,
    mechanism: MechanismInput,
    wrappingKey: Handle,
    key: Handle,
    output: Buffer,
    callback: Callback<Buffer>,
  ): void;
  C_WrapKeyAsync(
    session: Handle,
    mechanism: MechanismInput,
    wrappingKey: Handle,
    key: Handle,
    output: Buffer,
  ): Promise<Buffer>;
  /** 5.18.4 */
  C_UnwrapKey(
    session: Handle,
    mechanism: MechanismInput,
    unwrappingKey: Handle,
    wrappedKey: Bytes,
    template: TemplateInput,
  ): Handle;
  C_UnwrapKey(
    session: Handle,
    mechanism: MechanismInput,
    unwrappingKey: Handle,
    wrappedKey: Bytes,
    template: TemplateInput,
    callback: Callback<Handle>,
  ): void;
  C_UnwrapKeyCallback(
    session: Handle,
    mechanism: MechanismInput,
    unwrappingKey: Handle,
    wrappedKey: Bytes,
    template: TemplateInput,
    callback: Callback<Handle>,
  ): void;
  C_UnwrapKeyAsync(
    session: Handle,
    mechanism: MechanismInput,
    unwrappingKey: Handle,
    wrappedKey: Bytes,
    template: TemplateInput,
  ): Promise<Handle>;
  /** 5.18.5 */
  C_DeriveKey(session: Handle, mechanism: MechanismInput, baseKey: Handle, template: TemplateInput): Handle;
  C_DeriveKey(
    session: Handle,
    mechanism: MechanismInput,
    baseKey: Handle,
    template: TemplateInput,
    callback: Callback<Handle>,
  ): void;
  C_DeriveKeyCallback(
    session: Handle,
    mechanism: MechanismInput,
    baseKey: Handle,
    template: TemplateInput,
    callback: Callback<Handle>,
  ): void;
  C_DeriveKeyAsync(
    session: Handle,
    mechanism: MechanismInput,
    baseKey: Handle,
    template: TemplateInput,
  ): Promise<Handle>;
}
