import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peers } from './support/peers';

let folder: string;

beforeAll(async () => {
  const project = await peers();
  mkdirSync(join(project, 'types'), { recursive: true });
  folder = mkdtempSync(join(project, 'types', 'of-'));
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program for pkcs11js. */
const PROGRAM = `
import * as graphene from 'graphene-pk11';
import * as pkcs11js from 'pkcs11js';
import whole, { type Handle, type Mechanism, type Template } from 'pkcs11js';

const pkcs11: pkcs11js.PKCS11 = new pkcs11js.PKCS11();
pkcs11.load('/path');
pkcs11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
const [slot]: Handle[] = pkcs11.C_GetSlotList(true);
const memory: bigint = pkcs11.C_GetTokenInfo(slot!).totalPublicMemory;
const session: Handle = pkcs11.C_OpenSession(slot!, whole.CKF_RW_SESSION | pkcs11js.CKF_SERIAL_SESSION);
const template: Template = [{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_DATA }, { type: pkcs11js.CKA_LABEL }];
const [{ value }] = pkcs11.C_GetAttributeValue(session, slot!, template) as [pkcs11js.AttributeResult];
const text: string = value.toString('utf8');
const gcm: pkcs11js.AesGCM = { type: pkcs11js.CK_PARAMS_AES_GCM_v240, iv: Buffer.alloc(12), ivBits: 96, tagBits: 128 };
const ccm: pkcs11js.AesCCM = { type: pkcs11js.CK_PARAMS_AES_CCM, dataLen: 1, macLen: 8 };
const mechanism: Mechanism = { mechanism: pkcs11js.CKM_AES_GCM, parameter: gcm };
pkcs11.C_EncryptInit(session, mechanism, slot!);
const encrypted: Buffer = pkcs11.C_Encrypt(session, Buffer.alloc(3), Buffer.alloc(100));
pkcs11.C_Encrypt(session, Buffer.alloc(3), Buffer.alloc(100), (error, data) => {
  if (error === null) data?.toString('hex');
});
pkcs11.C_Sign(session, encrypted, Buffer.alloc(9), (error: Error, data: Buffer) => console.log(error.message, data.length));
const promised: Promise<Buffer> = pkcs11.C_SignAsync(session, encrypted, Buffer.alloc(9));
const one: Handle | null = pkcs11.C_FindObjects(session);
const many: Handle[] = pkcs11.C_FindObjects(session, 10);
const pair: Promise<pkcs11js.KeyPair> = pkcs11.C_GenerateKeyPairAsync(session, mechanism, template, template);
try {
  pkcs11.C_Login(session, pkcs11js.CKU_USER, '1234');
} catch (error) {
  if (error instanceof pkcs11js.Pkcs11Error && error.code === pkcs11js.CKR_PIN_INCORRECT) console.log(error.method);
}
const kem: pkcs11js.EncapsulatedKey = pkcs11.C_EncapsulateKey(session, { mechanism: pkcs11js.CKM_ML_KEM }, slot!, [], slot!);
class Own extends pkcs11js.PKCS11 {
  override C_CreateObject(session: Handle, template: Template): Handle {
    return super.C_CreateObject(session, template);
  }
}
const lib: pkcs11js.PKCS11 = graphene.Module.load('/path').lib;
export { memory, text, ccm, promised, one, many, pair, kem, Own, lib };
`;

function diagnose(name: string, source: string, options: ts.CompilerOptions): string[] {
  const file = join(folder, name);
  writeFileSync(file, source);
  const program = ts.createProgram([file], {
    ...{ strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, esModuleInterop: true, types: ['node'] },
    typeRoots: [join(import.meta.dirname, '..', '..', 'node_modules', '@types')],
    ...options,
  });
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\\n'));
}

describe('the types of cryptoki/pkcs11js', { timeout: 120_000 }, () => {
  test.each([
    ['node16.cts', { module: ts.ModuleKind.Node16 }],
    ['node16.mts', { module: ts.ModuleKind.Node16 }],
    ['bundler.ts', { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
    [
      'node10.ts',
      {
        module: ts.ModuleKind.CommonJS,
        moduleResolution: ts.ModuleResolutionKind.Node10,
        ignoreDeprecations: '6.0',
      },
    ],
  ])('accept a program and graphene-pk11: %s', (name, options) => {
    const source = name.endsWith('.mts')
      ? PROGRAM.replace("* as pkcs11js from 'pkcs11js'", "pkcs11js from 'pkcs11js'").replace(
          'import whole, {',
          'import whole, {',
        )
      : PROGRAM;
    expect(diagnose(name, source, options)).toEqual([]);
  });

  test.each(['wrong.cts', 'wrong.mts'])('report calls that would fail: %s', (name) => {
    const wrong = `
      import { PKCS11, CKM_NOTHING } from 'pkcs11js';
      const pkcs11 = new PKCS11();
      pkcs11.C_Login(Buffer.alloc(8));
      const flags: string = pkcs11.C_GetTokenInfo(Buffer.alloc(8)).flags;
      export { flags, CKM_NOTHING };`;
    const found = diagnose(name, wrong, { module: ts.ModuleKind.Node16 });
    expect(found).toHaveLength(3);
    expect(found.join()).toMatch(/CKM_NOTHING.*Expected 2-3 arguments.*'number' is not assignable/s);
  });
});
