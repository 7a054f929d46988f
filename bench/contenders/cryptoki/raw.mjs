// @ts-check
// cryptoki/raw: synchronous, asynchronous, and batches.
import { CKA } from 'cryptoki/raw';
import { IV, messageFor } from '../../operations.mjs';
import { raw, rawSessions } from './connection.mjs';

/**
 * @typedef {import('../serve.mjs').Form} Form
 * @typedef {import('../../operations.mjs').Operation} Operation
 */

const NO_STREAMS = 'the raw level has no streams';

/** @param {Operation} operation */
const searchFor = ({ class: objectClass = 0, label = '' }) => [
  { type: CKA.CLASS, value: objectClass },
  { type: CKA.LABEL, value: label },
];

/** The mechanism, in the form that the model accepts, too. @param {Operation} operation */
export const mechanismOf = ({ mechanism = 0, call }) =>
  call === 'encrypt'
    ? { mechanism, parameter: { structure: /** @type {const} */ ('CK_GCM_PARAMS'), iv: IV, tagBits: 128 } }
    : { mechanism };

/** 0n for operations without a key. @param {Operation} operation */
async function keyOf(operation) {
  if (operation.label === undefined || operation.call === 'find') return 0n;
  const [session = 0n] = await rawSessions(1);
  const [found] = await raw().findObjects(session, searchFor(operation), [], 1);
  if (found === undefined) throw new Error(`there is no key ${operation.label}`);
  return found.handle;
}

/** @type {Form} */
export async function rawSync(operation) {
  const [session = 0n] = await rawSessions(1);
  const key = await keyOf(operation);
  const [module, mechanism, message] = [raw(), mechanismOf(operation), messageFor(operation)];
  const search = searchFor(operation);
  const { size = 0 } = operation;
  /** @type {Partial<Record<Operation['call'], () => unknown>>} */
  const calls = {
    sign: () => module.signSync(session, mechanism, key, message),
    digest: () => module.digestSync(session, mechanism, message),
    encrypt: () => module.encryptSync(session, mechanism, key, message),
    random: () => module.C_GenerateRandomSync(session, size),
    'session-info': () => module.C_GetSessionInfoSync(session),
    find: () => module.findObjectsSync(session, search, [], 0),
  };
  const call = calls[operation.call];
  return call === undefined ? NO_STREAMS : { sync: call };
}

/** @type {Form} */
export async function rawAsync(operation, count) {
  const sessions = await rawSessions(count);
  const key = await keyOf(operation);
  const [module, mechanism, message] = [raw(), mechanismOf(operation), messageFor(operation)];
  const search = searchFor(operation);
  const { size = 0 } = operation;
  const session = (/** @type {number} */ lane) => sessions[lane] ?? 0n;
  /** @type {Partial<Record<Operation['call'], (lane: number) => Promise<unknown>>>} */
  const calls = {
    sign: (lane) => module.sign(session(lane), mechanism, key, message),
    digest: (lane) => module.digest(session(lane), mechanism, message),
    encrypt: (lane) => module.encrypt(session(lane), mechanism, key, message),
    random: (lane) => module.C_GenerateRandom(session(lane), size),
    'session-info': (lane) => module.C_GetSessionInfo(session(lane)),
    find: (lane) => module.findObjects(session(lane), search, [], 0),
  };
  const call = calls[operation.call];
  return call === undefined ? NO_STREAMS : { async: call };
}

const MOST_MESSAGES = 1024;
const MOST_BYTES = 1 << 20;

/** The maximum number of messages that a batch of the model passes to one call. @param {Operation} operation */
function packed(operation) {
  const message = messageFor(operation);
  const most = Math.max(Math.min(MOST_MESSAGES, Math.floor(MOST_BYTES / message.length)), 1);
  const data = Buffer.concat(Array.from({ length: most }, () => message));
  const offsets = Uint32Array.from({ length: most + 1 }, (_, index) => index * message.length);
  return { data, offsets, most, length: message.length };
}

/** @type {Form} */
export async function rawBatch(operation, count) {
  const { call } = operation;
  if (call !== 'sign' && call !== 'digest' && call !== 'encrypt') return 'there is no batch of these';
  const sessions = await rawSessions(count);
  const key = await keyOf(operation);
  const [module, mechanism] = [raw(), mechanismOf(operation)];
  const { data, offsets, most, length } = packed(operation);
  return {
    lanes: count,
    batch: async (lane, wanted) => {
      const session = sessions[lane] ?? 0n;
      for (let left = wanted; left > 0; left -= most) {
        const now = Math.min(left, most);
        const piece = /** @type {const} */ ([data.subarray(0, now * length), offsets.subarray(0, now + 1)]);
        const result =
          call === 'sign'
            ? await module.signMany(session, mechanism, key, ...piece)
            : call === 'digest'
              ? await module.digestMany(session, mechanism, ...piece)
              : await module.encryptMany(session, mechanism, key, ...piece);
        if (result.failures[0]) throw result.failures[0].error;
      }
    },
  };
}
