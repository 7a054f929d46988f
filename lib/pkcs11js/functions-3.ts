import type { RawAsyncData } from '../raw/values';
import { counter, fromUlong } from './arguments';
import type { Call, Row } from './call';
import { tooSmall } from './errors';
import { async, handle, isTrue, sync } from './functions';
import { head } from './results';

/** The functions of PKCS#11 3.0 and 3.2, with the conventions of pkcs11js: handles and outputs are buffers. */

const flags: Row['result'] = (value: number | undefined) => counter(value);

const asyncData: Row['result'] = (data: RawAsyncData) => ({
  value: data.value,
  object: fromUlong(data.object),
  additionalObject: fromUlong(data.additionalObject),
});

export const FUNCTIONS_3: Readonly<Record<string, Row>> = {
  C_LoginUser: sync('session number pin string'),
  C_SessionCancel: sync('session number'),
  C_MessageEncryptInit: sync('session mechanism object'),
  C_EncryptMessage: async('session parameter bytes bytes output'),
  C_EncryptMessageBegin: sync('session parameter bytes'),
  C_EncryptMessageNext: async('session parameter bytes output number'),
  C_MessageEncryptFinal: sync('session'),
  C_MessageDecryptInit: sync('session mechanism object'),
  C_DecryptMessage: async('session parameter bytes bytes output'),
  C_DecryptMessageBegin: sync('session parameter bytes'),
  C_DecryptMessageNext: async('session parameter bytes output number'),
  C_MessageDecryptFinal: sync('session'),
  C_MessageSignInit: sync('session mechanism object'),
  C_SignMessage: async('session parameter bytes output'),
  C_SignMessageBegin: sync('session parameter'),
  C_SignMessageNext: async('session parameter bytes output'),
  C_MessageSignFinal: sync('session'),
  C_MessageVerifyInit: sync('session mechanism object'),
  C_VerifyMessage: async('session parameter bytes bytes', isTrue),
  C_VerifyMessageBegin: sync('session parameter'),
  C_VerifyMessageNext: async('session parameter bytes bytes', isTrue),
  C_MessageVerifyFinal: sync('session'),
  C_EncapsulateKey: async('session mechanism object template output', encapsulated),
  C_DecapsulateKey: async('session mechanism object template bytes', handle),
  C_VerifySignatureInit: sync('session mechanism object bytes'),
  C_VerifySignature: async('session bytes', isTrue),
  C_VerifySignatureUpdate: sync('session bytes'),
  C_VerifySignatureFinal: async('session', isTrue),
  C_WrapKeyAuthenticated: async('session mechanism object object bytes output'),
  C_UnwrapKeyAuthenticated: async('session mechanism object bytes template bytes', handle),
  C_GetSessionValidationFlags: sync('session number', flags),
  C_AsyncComplete: sync('session string', asyncData),
  C_AsyncGetID: sync('session string', flags),
  C_AsyncJoin: sync('session string number bytes'),
};

/** Destroys a key whose ciphertext does not fit into the output, because it is useless without the ciphertext. */
function encapsulated(result: { ciphertext: Buffer; key: bigint }, call: Call): unknown {
  const { library, method, session, output } = call;
  const { ciphertext, key } = result;
  if (output === undefined || ciphertext.length > output.byteLength) {
    library.raw.C_DestroyObjectSync(session, key);
    throw tooSmall(method, ciphertext.length);
  }
  ciphertext.copy(Buffer.from(output.buffer, output.byteOffset, output.byteLength));
  return { ciphertext: head(output, ciphertext.length), key: fromUlong(key) };
}
