// A strict program that compiles with pkcs11js 2.1.7. It must compile with cryptoki/pkcs11js as well.
import * as pkcs11js from 'pkcs11js';

const lib = new pkcs11js.PKCS11('/path');
const options: pkcs11js.InitializationOptions = { libraryParameters: 'x', flags: pkcs11js.CKF_OS_LOCKING_OK };
lib.C_Initialize(options);
const [slot = Buffer.alloc(8)] = lib.C_GetSlotList(true);
const session: pkcs11js.Handle = lib.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION);

// Callbacks without annotations use the result as it is.
export async function callbacks(key: Buffer, other: Buffer, data: Buffer): Promise<string[]> {
  const mechanism: pkcs11js.Mechanism = { mechanism: pkcs11js.CKM_AES_CBC, parameter: Buffer.alloc(16) };
  const texts: string[] = [];
  lib.C_Encrypt(session, data, Buffer.alloc(9), (error, bytes) =>
    texts.push(error.message, bytes.toString('hex')),
  );
  lib.C_EncryptFinal(session, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_Decrypt(session, data, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_DecryptFinal(session, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_Digest(session, data, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_DigestFinal(session, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_Sign(session, data, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_SignFinal(session, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_Verify(session, data, data, (_, isRight) => texts.push(isRight ? 'yes' : 'no'));
  lib.C_VerifyFinal(session, data, (_, isRight) => texts.push(isRight ? 'yes' : 'no'));
  lib.C_GenerateKey(session, mechanism, [], (_, handle) => texts.push(handle.toString()));
  lib.C_GenerateKeyPair(session, mechanism, [], [], (_, pair) => texts.push(pair.publicKey.toString()));
  lib.C_WrapKey(session, mechanism, key, other, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_UnwrapKey(session, mechanism, key, data, [], (_, handle) => texts.push(handle.toString()));
  lib.C_DeriveKey(session, mechanism, key, [], (_, handle) => texts.push(handle.toString()));
  lib.C_DigestEncryptUpdate(session, data, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_DecryptDigestUpdate(session, data, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_SignEncryptUpdate(session, data, data, (_, bytes) => texts.push(bytes.toString()));
  lib.C_DecryptVerifyUpdate(session, data, data, (_, bytes) => texts.push(bytes.toString()));
  const result: Buffer = await new Promise((resolve, reject) =>
    lib.C_Sign(session, data, data, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  );
  const pair = await lib.C_GenerateKeyPairAsync(session, mechanism, [], []);
  return [...texts, result.toString(), pair.privateKey.toString()];
}

// Annotated callbacks, and functions that pass them on.
export function sign(data: Buffer, callback?: (error: Error, signature: Buffer) => void): Buffer | undefined {
  if (callback === undefined) return lib.C_Sign(session, data, Buffer.alloc(9));
  lib.C_Sign(session, data, Buffer.alloc(9), callback);
  return undefined;
}

// A variable that holds one constant can take another.
let chosen = pkcs11js.CKM_SHA256;
if (process.argv.length > 2) chosen = pkcs11js.CKM_SHA512;
// biome-ignore-start lint/style/useLiteralEnumMembers: programs write their enums so
export enum Kind {
  Data = pkcs11js.CKO_DATA,
  Certificate = pkcs11js.CKO_CERTIFICATE,
}
// biome-ignore-end lint/style/useLiteralEnumMembers: programs write their enums so
const names = { [pkcs11js.CKA_CLASS]: 'class' };
const sizes = { gcm: pkcs11js.CKM_AES_GCM };
sizes.gcm = chosen;
export const isOther = (Kind.Data as number) === pkcs11js.CKO_CERTIFICATE || names[chosen] === 'class';

// Structures that are read.
export function read(
  token: pkcs11js.TokenInfo,
  attribute: pkcs11js.Attribute,
  mechanism: pkcs11js.Mechanism,
): unknown[] {
  const [total, free]: number[] = [token.totalPublicMemory, token.freePrivateMemory];
  const label: string = lib.C_InitToken(slot, 'pin', 'label');
  lib.C_InitToken(slot);
  lib.C_InitPIN(session);
  lib.C_Login(session, pkcs11js.CKU_USER);
  const { value } = attribute;
  const text = typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('hex') : undefined;
  const day = value instanceof Date ? value.getUTCDate() : typeof value === 'object' ? value.byteLength : 0;
  const { parameter } = mechanism;
  const type = typeof parameter === 'object' && 'type' in parameter ? parameter.type : undefined;
  const kind: number =
    Buffer.isBuffer(parameter) || typeof parameter === 'number' ? 0 : (parameter?.type ?? 1);
  const doubled: number = mechanism.mechanism * 2;
  const [first] = lib.C_GetAttributeValue(session, slot, [{ type: pkcs11js.CKA_ID }]);
  const id: Buffer | undefined = first?.value;
  return [total, free, label, text, day, type, kind, doubled, id];
}

export function lengths(
  gcm: pkcs11js.AesGCM,
  ccm: pkcs11js.AesCCM,
  general: pkcs11js.CcmParams,
  oaep: pkcs11js.RsaOAEP,
  wrap: pkcs11js.KeyWrapSetOaepParams,
  dh: pkcs11js.X942DH1Derive,
): string {
  const numbers = [gcm.ivBits + gcm.tagBits, ccm.dataLen + ccm.macLen, general.dataLen, wrap.bc];
  const bytes = [gcm.iv, gcm.aad, ccm.nonce, oaep.sourceData].map((one) => one?.toString('hex') ?? '');
  return [...numbers, ...bytes, dh.privateData.toString('hex'), wrap.x.toString('hex')].join();
}

export class Parameters implements pkcs11js.AesGCM {
  type = pkcs11js.CK_PARAMS_AES_GCM;
  ivBits = 96;
  tagBits = 128;
  iv = Buffer.alloc(12);
}
export const mqv: pkcs11js.X942MQvDeriveParams = {
  kdf: 1,
  publicData: slot,
  privateData: slot,
  publicKey: slot,
};

// Classes of a program's own, with methods in the place of those of the package.
export class Counting extends pkcs11js.PKCS11 {
  calls = 0;
  override C_SignInit(its: pkcs11js.Handle, mechanism: pkcs11js.Mechanism, key: pkcs11js.Handle): void {
    this.calls += 1;
    super.C_SignInit(its, mechanism, key);
  }
  override C_GenerateRandom(its: pkcs11js.Handle, bytes: Buffer): Buffer {
    return bytes.fill(its.length);
  }
  override async C_SignAsync(its: pkcs11js.Handle, data: Buffer, output: Buffer): Promise<Buffer> {
    return Buffer.concat([its, data, output]);
  }
  override C_Sign(its: pkcs11js.Handle, data: Buffer, output: Buffer): Buffer;
  override C_Sign(
    its: pkcs11js.Handle,
    data: Buffer,
    output: Buffer,
    done: (error: Error, result: Buffer) => void,
  ): void;
  override C_Sign(
    its: pkcs11js.Handle,
    data: Buffer,
    output: Buffer,
    done?: (error: Error, result: Buffer) => void,
  ): Buffer | undefined {
    if (done === undefined) return Buffer.concat([its, data, output]);
    done(new Error(), output);
    return undefined;
  }
  override C_CreateObject(its: pkcs11js.Handle, template: pkcs11js.Template): pkcs11js.Handle {
    const copy: pkcs11js.Attribute[] = template.map((one) => ({ ...one }));
    return super.C_CreateObject(its, copy);
  }
}

export class Refused extends pkcs11js.Pkcs11Error {
  constructor() {
    super('CKR_PIN_INCORRECT', pkcs11js.CKR_PIN_INCORRECT, 'C_Login');
  }
  get said(): string {
    return `${this.code.toFixed()} ${this.method.trim()} ${this.nativeStack.trim()}`;
  }
}
