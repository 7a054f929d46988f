// @ts-check
// pkcs11js: the functions of PKCS#11 one by one.
import pkcs11js from 'pkcs11js';
import { serve } from '../contenders/serve.mjs';
import { IV, messageFor } from '../operations.mjs';

/**
 * @typedef {import('../contenders/serve.mjs').Form} Form
 * @typedef {import('../operations.mjs').Operation} Operation
 */

const library = new pkcs11js.PKCS11();
/** @type {Buffer} */
let slot;
/** @type {string | undefined} */
let pin;
/** @type {Buffer[]} */
const sessions = [];

/** @param {import('../contenders/serve.mjs').Target} target */
function open(target) {
  library.load(target.module);
  const flags = pkcs11js.CKF_OS_LOCKING_OK;
  // pkcs11js omits the last character of the parameters.
  const parameters =
    target.libraryParameters === undefined ? {} : { libraryParameters: `${target.libraryParameters} ` };
  library.C_Initialize({ flags, ...parameters });
  const found = library.C_GetSlotList(true)[target.slotIndex];
  if (found === undefined) throw new Error('the slot is not there');
  slot = found;
  pin = target.pin;
}

/** @param {number} count */
function sessionsFor(count) {
  while (sessions.length < count) {
    const session = library.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    if (sessions.length === 0 && pin !== undefined) library.C_Login(session, pkcs11js.CKU_USER, pin);
    sessions.push(session);
  }
  return sessions;
}

/** @param {Operation} operation */
const searchFor = ({ class: objectClass = 0, label = '' }) => [
  { type: pkcs11js.CKA_CLASS, value: objectClass },
  { type: pkcs11js.CKA_LABEL, value: label },
];

/** @param {Buffer} session @param {Operation} operation */
function find(session, operation) {
  library.C_FindObjectsInit(session, searchFor(operation));
  const found = [];
  for (;;) {
    const some = library.C_FindObjects(session, 256);
    if (some.length === 0) break;
    found.push(...some);
  }
  library.C_FindObjectsFinal(session);
  return found;
}

/** @param {Operation} operation */
function mechanismOf({ mechanism = 0, call }) {
  if (call !== 'encrypt') return { mechanism };
  const parameter = { type: pkcs11js.CK_PARAMS_AES_GCM_v240, iv: IV, ivBits: 96, tagBits: 128 };
  return { mechanism, parameter };
}

/** Room for the result, with its exact length for mechanisms for which NSS requires that. @param {Operation} operation */
const roomFor = ({ mechanism, size = 0 }) =>
  mechanism === pkcs11js.CKM_SHA256_RSA_PKCS ? 256 : mechanism === 0x1057 ? 64 : size + 64;

/** @param {Operation} operation @param {number} count */
function prepare(operation, count) {
  const all = sessionsFor(count);
  const session = /** @type {Buffer} */ (all[0]);
  const needsKey = operation.call === 'sign' || operation.call === 'encrypt';
  const key = needsKey ? find(session, operation)[0] : Buffer.alloc(8);
  if (key === undefined) throw new Error(`there is no key ${operation.label}`);
  return { all, session, key, mechanism: mechanismOf(operation), message: messageFor(operation) };
}

/** @type {Form} */
async function sync(operation) {
  const { session, key, mechanism, message } = prepare(operation, 1);
  const [room, { size = 0 }] = [roomFor(operation), operation];
  /** @type {Record<Operation['call'], () => unknown>} */
  const calls = {
    sign: () => {
      library.C_SignInit(session, mechanism, key);
      return library.C_Sign(session, message, Buffer.allocUnsafe(room));
    },
    digest: () => {
      library.C_DigestInit(session, mechanism);
      return library.C_Digest(session, message, Buffer.allocUnsafe(room));
    },
    'digest-stream': () => {
      library.C_DigestInit(session, mechanism);
      for (let i = 0; i < (operation.chunks ?? 0); i += 1) library.C_DigestUpdate(session, message);
      return library.C_DigestFinal(session, Buffer.allocUnsafe(room));
    },
    encrypt: () => {
      library.C_EncryptInit(session, mechanism, key);
      return library.C_Encrypt(session, message, Buffer.allocUnsafe(room));
    },
    random: () => library.C_GenerateRandom(session, Buffer.allocUnsafe(size)),
    'session-info': () => library.C_GetSessionInfo(session),
    find: () => find(session, operation),
  };
  return { sync: calls[operation.call] };
}

/** pkcs11js has only a synchronous Init. @type {Form} */
async function async(operation, count) {
  const { all, key, mechanism, message } = prepare(operation, count);
  const room = roomFor(operation);
  const session = (/** @type {number} */ lane) => /** @type {Buffer} */ (all[lane]);
  /** @type {Partial<Record<Operation['call'], (lane: number) => Promise<unknown>>>} */
  const calls = {
    sign: (lane) => {
      library.C_SignInit(session(lane), mechanism, key);
      return library.C_SignAsync(session(lane), message, Buffer.allocUnsafe(room));
    },
    digest: (lane) => {
      library.C_DigestInit(session(lane), mechanism);
      return library.C_DigestAsync(session(lane), message, Buffer.allocUnsafe(room));
    },
    encrypt: (lane) => {
      library.C_EncryptInit(session(lane), mechanism, key);
      return library.C_EncryptAsync(session(lane), message, Buffer.allocUnsafe(room));
    },
  };
  const call = calls[operation.call];
  return call === undefined ? 'it has no asynchronous form' : { async: call };
}

await serve({ open, forms: { sync, async } });
