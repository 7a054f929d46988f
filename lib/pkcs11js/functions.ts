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

export const isTrue: Result = () => true; // a signature that is not right is an error
export const handle: Result = (value: bigint) => fromUlong(value);
export const same: Result = (value: unknown) => value;
const pair: Result = ({ privateKey, publicKey }: { privateKey: bigint; publicKey: bigint }) => ({
  privateKey: fromUlong(privateKey),
  publicKey: fromUlong(publicKey),
});

/** Texts have their full width, as in C. */
const padded = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - Buffer.byteLength(text)));

/** Memory sizes are bigint, CK_UNAVAILABLE_INFORMATION included. */
const memory = (value: number | undefined): bigint => (value === undefined ? 2n ** 64n - 1n : BigInt(value));

const info: Result = (its: CK_INFO) => ({
  cryptokiVersion: its.cryptokiVersion,
  manufacturerID: padded(its.manufacturerID, 32),
  flags: its.flags,
  libraryDescription: padded(its.libraryDescription, 32),
  libraryVersion: its.libraryVersion,
});

const slotInfo: Result = (its: CK_SLOT_INFO) => ({
  slotDescription: padded(its.slotDescription, 64),
  manufacturerID: padded(its.manufacturerID, 32),
  flags: its.flags,
  hardwareVersion: its.hardwareVersion,
  firmwareVersion: its.firmwareVersion,
});

const tokenInfo: Result = (its: CK_TOKEN_INFO) => ({
  label: padded(its.label, 32),
  manufacturerID: padded(its.manufacturerID, 32),
  model: padded(its.model, 16),
  serialNumber: padded(its.serialNumber, 16),
  flags: its.flags,
  maxSessionCount: counter(its.maxSessionCount),
  sessionCount: counter(its.sessionCount),
  maxRwSessionCount: counter(its.maxRwSessionCount),
  rwSessionCount: counter(its.rwSessionCount),
  maxPinLen: counter(its.maxPinLen),
  minPinLen: counter(its.minPinLen),
  hardwareVersion: its.hardwareVersion,
  firmwareVersion: its.firmwareVersion,
  utcTime: padded(its.utcTime, 16),
  totalPublicMemory: memory(its.totalPublicMemory),
  freePublicMemory: memory(its.freePublicMemory),
  totalPrivateMemory: memory(its.totalPrivateMemory),
  freePrivateMemory: memory(its.freePrivateMemory),
});

const mechanismInfo: Result = (its: CK_MECHANISM_INFO) => ({
  minKeySize: counter(its.minKeySize),
  maxKeySize: counter(its.maxKeySize),
  flags: its.flags,
});

const sessionInfo: Result = (its: CK_SESSION_INFO) => ({
  slotID: fromUlong(its.slotID),
  state: its.state,
  flags: its.flags,
  deviceError: counter(its.deviceError),
});

const objectSize: Result = (value: number | undefined) => counter(value);

/** Results that wait for a larger buffer go with their session. */
const closed: Result = (_value: undefined, { library }: Call) => {
  library.results.sweep(library.raw);
};

function row(roles: string, result: Result = nothing, isAsync = false): Row {
  const list = roles === '' ? [] : (roles.split(' ') as Role[]);
  return { roles: list, result, isAsync, isCounted: list.length > 0 };
}

/** A row of the table. `roles`: what the arguments are, in their order. */
export const sync = (roles: string, result?: Result): Row => row(roles, result);
/** With the forms that take a callback and give a promise. */
export const async = (roles: string, result?: Result): Row => row(roles, result, true);
/** Arguments that are missing are told of by their type. */
const uncounted = (roles: string, result?: Result): Row => ({ ...row(roles, result), isCounted: false });

export const FUNCTIONS_240: Readonly<Record<string, Row>> = {
  C_GetInfo: sync('', info),
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

/** Those that are methods of the class, which subclasses can override. */
export const PROTOTYPE_FUNCTIONS = {
  C_CreateObject: uncounted('session template', handle),
  C_CopyObject: uncounted('session object template', handle),
  C_SetAttributeValue: uncounted('session object template'),
} as const;
