import { CKA, CKF, CKK, CKM, CKO, CKS, CKU, type RawAttribute, type RawModule } from 'cryptoki/raw';
import { expect } from 'vitest';
import type { OptionalFunction } from '../expectations/expectations';
import type { Contract } from './contract';
import { codeOf } from './outcome';

const NOTHING = Buffer.alloc(0);
const BYTES = Buffer.alloc(16);
const GCM = { mechanism: CKM.AES_GCM };
const HMAC = { mechanism: CKM.SHA256_HMAC };
const KEM = { mechanism: CKM.ML_KEM };
const WRAP = {
  mechanism: CKM.AES_GCM,
  parameter: { iv: Buffer.alloc(12), tagBits: 128 },
};
const MESSAGE = {
  structure: 'CK_GCM_MESSAGE_PARAMS',
  ...{ iv: Buffer.alloc(12), ivFixedBits: 0, ivGenerator: 0, tag: Buffer.alloc(16) },
} as const;
const TEMPLATE: RawAttribute[] = [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK.AES },
  { type: CKA.TOKEN, value: false },
];

type Call = (raw: RawModule, session: bigint, key: bigint, pin: string) => Promise<unknown>;

/** A call of each function as a program would make it that does not know if the module has the function. */
const CALLS: Readonly<Record<OptionalFunction, Call>> = {
  C_LoginUser: (raw, session, _, pin) => raw.C_LoginUser(session, CKU.USER, pin, 'contract'),
  C_SessionCancel: (raw, session) => raw.C_SessionCancel(session, CKF.SIGN),
  C_MessageEncryptInit: (raw, session, key) => raw.C_MessageEncryptInit(session, GCM, key),
  C_EncryptMessage: (raw, session) => raw.C_EncryptMessage(session, MESSAGE, NOTHING, BYTES),
  C_EncryptMessageBegin: (raw, session) => raw.C_EncryptMessageBegin(session, MESSAGE, NOTHING),
  C_EncryptMessageNext: (raw, session) => raw.C_EncryptMessageNext(session, MESSAGE, BYTES, 0),
  C_MessageEncryptFinal: (raw, session) => raw.C_MessageEncryptFinal(session),
  C_MessageDecryptInit: (raw, session, key) => raw.C_MessageDecryptInit(session, GCM, key),
  C_DecryptMessage: (raw, session) => raw.C_DecryptMessage(session, MESSAGE, NOTHING, BYTES),
  C_DecryptMessageBegin: (raw, session) => raw.C_DecryptMessageBegin(session, MESSAGE, NOTHING),
  C_DecryptMessageNext: (raw, session) => raw.C_DecryptMessageNext(session, MESSAGE, BYTES, 0),
  C_MessageDecryptFinal: (raw, session) => raw.C_MessageDecryptFinal(session),
  C_MessageSignInit: (raw, session, key) => raw.C_MessageSignInit(session, HMAC, key),
  C_SignMessage: (raw, session) => raw.C_SignMessage(session, null, BYTES),
  C_SignMessageBegin: (raw, session) => raw.C_SignMessageBegin(session, null),
  C_SignMessageNext: (raw, session) => raw.C_SignMessageNext(session, null, BYTES),
  C_MessageSignFinal: (raw, session) => raw.C_MessageSignFinal(session),
  C_MessageVerifyInit: (raw, session, key) => raw.C_MessageVerifyInit(session, HMAC, key),
  C_VerifyMessage: (raw, session) => raw.C_VerifyMessage(session, null, BYTES, BYTES),
  C_VerifyMessageBegin: (raw, session) => raw.C_VerifyMessageBegin(session, null),
  C_VerifyMessageNext: (raw, session) => raw.C_VerifyMessageNext(session, null, BYTES, BYTES),
  C_MessageVerifyFinal: (raw, session) => raw.C_MessageVerifyFinal(session),
  C_EncapsulateKey: (raw, session, key) => raw.C_EncapsulateKey(session, KEM, key, TEMPLATE),
  C_DecapsulateKey: (raw, session, key) => raw.C_DecapsulateKey(session, KEM, key, TEMPLATE, BYTES),
  C_VerifySignatureInit: (raw, session, key) => raw.C_VerifySignatureInit(session, HMAC, key, BYTES),
  C_VerifySignature: (raw, session) => raw.C_VerifySignature(session, BYTES),
  C_VerifySignatureUpdate: (raw, session) => raw.C_VerifySignatureUpdate(session, BYTES),
  C_VerifySignatureFinal: (raw, session) => raw.C_VerifySignatureFinal(session),
  C_GetSessionValidationFlags: (raw, session) =>
    raw.C_GetSessionValidationFlags(session, CKS.LAST_VALIDATION_OK),
  C_AsyncComplete: (raw, session) => raw.C_AsyncComplete(session, 'C_Sign'),
  C_AsyncGetID: (raw, session) => raw.C_AsyncGetID(session, 'C_Sign'),
  C_AsyncJoin: (raw, session) => raw.C_AsyncJoin(session, 'C_Sign', 1, BYTES),
  C_WrapKeyAuthenticated: (raw, session, key) => raw.C_WrapKeyAuthenticated(session, WRAP, key, key, BYTES),
  C_UnwrapKeyAuthenticated: (raw, session, key) =>
    raw.C_UnwrapKeyAuthenticated(session, WRAP, key, Buffer.alloc(48), TEMPLATE, BYTES),
};

/** Functions newer than 2.40 either exist or fail by name. Other chapters test their results. */
export function optional(contract: Contract): void {
  const { test } = contract.chapter('optional');

  for (const [name, call] of Object.entries(CALLS) as [OptionalFunction, Call][]) {
    test(`${name} is implemented, or refused by name`, [], async () => {
      const { raw } = contract;
      const has = contract.missing(['write', 'import']) === undefined;
      const key = has ? (await contract.aes()).key.handle : 0n;
      // Closing the session ends any operation that the call began.
      const session = await contract.open();
      try {
        const answer = call(raw, session.handle, key, contract.pin);
        const said = await answer.then(
          () => undefined,
          (error: unknown) => error as { function?: string },
        );
        expect(await codeOf(answer)).toEqual(contract.answer(name));
        if (said !== undefined) expect(said.function).toBe(name);
      } finally {
        await session.close();
      }
    });
  }
}
