import type {
  CK_INFO,
  CK_MECHANISM_INFO,
  CK_SESSION_INFO,
  CK_SLOT_INFO,
  CK_TOKEN_INFO,
} from '../generated/structures';
import { counter, fromUlong } from './arguments';
import { type Call, nothing, type Role, type Row } from './call';

/** The functions of PKCS#11 2.40, in the order in which programs enumerate them. */

type Result = Row['result'];

export const isTrue: Result = () => true; // a wrong signature is an error
export const handle: Result = (value: bigint) => fromUlong(value);
export const same: Result = (value: unknown) => value;
const pair: Result = ({ privateKey, publicKey }: { privateKey: bigint; publicKey: bigint }) => ({
  privateKey: fromUlong(privateKey),
  publicKey: fromUlong(publicKey),
});

/** Pads a text with blanks to its width in C. */
const padded = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - Buffer.byteLength(text)));

/** Converts a size of memory to bigint, also CK_UNAVAILABLE_INFORMATION. */
const memory = (value: number | undefined): bigint => (value === undefined ? 2n ** 64n - 1n : BigInt(value));

const moduleInfo: Result = (info: CK_INFO) => ({
  cryptokiVersion: info.cryptokiVersion,
  manufacturerID: padded(info.manufacturerID, 32),
  flags: info.flags,
  libraryDescription: padded(info.libraryDescription, 32),
  libraryVersion: info.libraryVersion,
});

const slotInfo: Result = (info: CK_SLOT_INFO) => ({
  slotDescription: padded(info.slotDescription, 64),
  manufacturerID: padded(info.manufacturerID, 32),
  flags: info.flags,
  hardwareVersion: info.hardwareVersion,
  firmwareVersion: info.firmwareVersion,
});

const tokenInfo: Result = (info: CK_TOKEN_INFO) => ({
  label: padded(info.label, 32),
  manufacturerID: padded(info.manufacturerID, 32),
  model: padded(info.model, 16),
  serialNumber: padded(info.serialNumber, 16),
  flags: info.flags,
  maxSessionCount: counter(info.maxSessionCount),
  sessionCount: counter(info.sessionCount),
  maxRwSessionCount: counter(info.maxRwSessionCount),
  rwSessionCount: counter(info.rwSessionCount),
  maxPinLen: counter(info.maxPinLen),
  minPinLen: counter(info.minPinLen),
  hardwareVersion: info.hardwareVersion,
  firmwareVersion: info.firmwareVersion,
  utcTime: padded(info.utcTime, 16),
  totalPublicMemory: memory(info.totalPublicMemory),
  freePublicMemory: memory(info.freePublicMemory),
  totalPrivateMemory: memory(info.totalPrivateMemory),
  freePrivateMemory: memory(info.freePrivateMemory),
});

const mechanismInfo: Result = (info: CK_MECHANISM_INFO) => ({
  minKeySize: counter(info.minKeySize),
  maxKeySize: counter(info.maxKeySize),
  flags: info.flags,
});

const sessionInfo: Result = (info: CK_SESSION_INFO) => ({
  slotID: fromUlong(info.slotID),
  state: info.state,
  flags: info.flags,
  deviceError: counter(info.deviceError),
});

const objectSize: Result = (value: number | undefined) => counter(value);

/** Drops the results of closed sessions that wait for a larger buffer. */
const closed: Result = (_value: undefined, { library }: Call) => {
  library.results.sweep(library.raw);
};

function row(roles: string, result: Result = nothing, isAsync = false): Row {
  const list = roles === '' ? [] : (roles.split(' ') as Role[]);
  return { roles: list, result, isAsync, isCounted: list.length > 0 };
}

/** Returns a row for a function that has a blocking form only. @param roles the roles of the arguments, in their order */
export const sync = (roles: string, result?: Result): Row => row(roles, result);
/** Returns a row for a function that also has the forms with a callback and a promise. */
export const async = (roles: string, result?: Result): Row => row(roles, result, true);
/** Returns a row for a function whose error for a missing argument is that for a wrong type. */
const uncounted = (roles: string, result?: Result): Row => ({ ...row(roles, result), isCounted: false });

export const FUNCTIONS_240: Readonly<Record<string, Row>> = {
  C_GetInfo: sync('', moduleInfo),
  C_GetSlotInfo: sync('slot', slotInfo),
  C_GetTokenInfo: sync('slot', tokenInfo),
  C_GetMechanismList: sync('slot', same),
  C_GetMechanismInfo: sync('slot number', mechanismInfo),
  C_InitToken: sync('slot pin label'),
  C_InitPIN: sync('session pin'),
  C_SetPIN: sync('session pin pin'),
  C_OpenSession: sync('slot number', handle),
  C_CloseSession: sync('session', closed),
  C_CloseAllSessions: sync('slot', closed),
  C_GetSessionInfo: sync('session', sessionInfo),
  C_GetOperationState: sync('session', same),
  C_SetOperationState: sync('session bytes object object'),
  C_Login: sync('session number pin'),
  C_Logout: sync('session'),
  C_SeedRandom: sync('session bytes'),
  C_DestroyObject: sync('session object'),
  C_GetObjectSize: sync('session object', objectSize),
  C_FindObjectsInit: sync('session template'),
  C_FindObjectsFinal: sync('session'),
  C_DigestInit: sync('session mechanism'),
  C_Digest: async('session bytes output'),
  C_DigestUpdate: sync('session bytes'),
  C_DigestKey: sync('session object'),
  C_DigestFinal: async('session output'),
  C_GenerateKey: async('session mechanism template', handle),
  C_GenerateKeyPair: async('session mechanism template template', pair),
  C_SignInit: sync('session mechanism object'),
  C_Sign: async('session bytes output'),
  C_SignUpdate: sync('session bytes'),
  C_SignFinal: async('session output'),
  C_VerifyInit: sync('session mechanism object'),
  C_Verify: async('session bytes bytes', isTrue),
  C_VerifyUpdate: sync('session bytes'),
  C_VerifyFinal: async('session bytes', isTrue),
  C_EncryptInit: sync('session mechanism object'),
  C_Encrypt: async('session bytes output'),
  C_EncryptUpdate: sync('session bytes output'),
  C_EncryptFinal: async('session output'),
  C_DecryptInit: sync('session mechanism object'),
  C_Decrypt: async('session bytes output'),
  C_DecryptUpdate: sync('session bytes output'),
  C_DecryptFinal: async('session output'),
  C_DeriveKey: async('session mechanism object template', handle),
  C_WrapKey: async('session mechanism object object output'),
  C_UnwrapKey: async('session mechanism object bytes template', handle),
  C_SignRecoverInit: sync('session mechanism object'),
  C_SignRecover: sync('session bytes output'),
  C_VerifyRecoverInit: sync('session mechanism object'),
  C_VerifyRecover: sync('session bytes output'),
  C_DigestEncryptUpdate: async('session bytes output'),
  C_DecryptDigestUpdate: async('session bytes output'),
  C_SignEncryptUpdate: async('session bytes output'),
  C_DecryptVerifyUpdate: async('session bytes output'),
};

/** The functions that are methods of the class, so that subclasses can override them. */
export const PROTOTYPE_FUNCTIONS = {
  C_CreateObject: uncounted('session template', handle),
  C_CopyObject: uncounted('session object template', handle),
  C_SetAttributeValue: uncounted('session object template'),
} as const;
