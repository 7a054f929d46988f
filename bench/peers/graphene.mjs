// @ts-check
// graphene-pk11: objects on top of pkcs11js.
import graphene from 'graphene-pk11';
import { serve } from '../contenders/serve.mjs';
import { IV, messageFor } from '../operations.mjs';

/**
 * @typedef {import('../contenders/serve.mjs').Form} Form
 * @typedef {import('../operations.mjs').Operation} Operation
 */

/** @type {import('graphene-pk11').Slot} */
let slot;
/** @type {string | undefined} */
let pin;
/** @type {import('graphene-pk11').Session[]} */
const sessions = [];

const CKF_OS_LOCKING_OK = 2;

/** @param {import('../contenders/serve.mjs').Target} target */
function open(target) {
  const module = graphene.Module.load(target.module, 'bench');
  const parameters =
    target.libraryParameters === undefined ? {} : { libraryParameters: `${target.libraryParameters} ` };
  module.initialize({ flags: CKF_OS_LOCKING_OK, ...parameters });
  slot = module.getSlots(target.slotIndex);
  pin = target.pin;
}

/** @param {number} count */
function sessionsFor(count) {
  const { SERIAL_SESSION, RW_SESSION } = graphene.SessionFlag;
  while (sessions.length < count) {
    const session = slot.open(SERIAL_SESSION | RW_SESSION);
    if (sessions.length === 0 && pin !== undefined) session.login(pin);
    sessions.push(session);
  }
  return sessions;
}

/** @param {Operation} operation */
function mechanismOf({ mechanism = 0, call }) {
  return call === 'encrypt'
    ? { name: 'AES_GCM', params: new graphene.AesGcm240Params(IV, undefined, 128) }
    : { name: graphene.MechanismEnum[mechanism] ?? `0x${mechanism.toString(16)}`, params: null };
}

/** @param {import('graphene-pk11').Session} session @param {Operation} operation */
function keyOf(session, { label = '', class: objectClass = 0 }) {
  const found = session.find({ class: objectClass, label });
  if (found.length === 0) throw new Error(`there is no key ${label}`);
  return /** @type {import('graphene-pk11').Key} */ (found.items(0).toType());
}

/** @param {Operation} operation @param {number} count */
function prepare(operation, count) {
  const all = sessionsFor(count);
  const { call } = operation;
  const needsKey = call === 'sign' || call === 'encrypt';
  /** @type {import('graphene-pk11').Key[]} */
  const keys = needsKey ? all.slice(0, count).map((session) => keyOf(session, operation)) : [];
  const keyAt = (/** @type {number} */ lane) => /** @type {import('graphene-pk11').Key} */ (keys[lane]);
  return { all, keyAt, mechanism: mechanismOf(operation), message: messageFor(operation) };
}

/** @param {Operation} operation */
const unknownMechanism = ({ mechanism }) =>
  mechanism !== undefined && graphene.MechanismEnum[mechanism] === undefined
    ? 'it does not know the mechanism'
    : undefined;

/** @type {Form} */
async function sync(operation) {
  const unknown = unknownMechanism(operation);
  if (unknown !== undefined) return unknown;
  const { all, keyAt, mechanism, message } = prepare(operation, 1);
  const [session] = all;
  if (session === undefined) throw new Error('no session');
  const { size = 0, label = '', class: objectClass = 0 } = operation;
  /** @type {Partial<Record<Operation['call'], () => unknown>>} */
  const calls = {
    sign: () => session.createSign(mechanism, keyAt(0)).once(message),
    digest: () => session.createDigest(mechanism).once(message),
    'digest-stream': () => {
      const digest = session.createDigest(mechanism);
      for (let i = 0; i < (operation.chunks ?? 0); i += 1) digest.update(message);
      return digest.final();
    },
    encrypt: () => session.createCipher(mechanism, keyAt(0)).once(message, Buffer.allocUnsafe(size + 64)),
    random: () => session.generateRandom(size),
    find: () => session.find({ class: objectClass, label }),
  };
  const call = calls[operation.call];
  return call === undefined ? 'it does not make this call' : { sync: call };
}

/** @type {Form} */
async function async(operation, count) {
  const unknown = unknownMechanism(operation);
  if (unknown !== undefined) return unknown;
  const { all, keyAt, mechanism, message } = prepare(operation, count);
  const { size = 0 } = operation;
  /** @typedef {(error: Error, data: Buffer) => void} Callback */
  const promised = (/** @type {(callback: Callback) => void} */ start) =>
    new Promise((resolve, reject) => start((error, data) => (error ? reject(error) : resolve(data))));
  /** @type {Partial<Record<Operation['call'], (lane: number) => Promise<unknown>>>} */
  const calls = {
    sign: (lane) =>
      promised((callback) => all[lane]?.createSign(mechanism, keyAt(lane)).once(message, callback)),
    digest: (lane) => promised((callback) => all[lane]?.createDigest(mechanism).once(message, callback)),
    encrypt: (lane) =>
      promised((callback) => {
        all[lane]
          ?.createCipher(mechanism, keyAt(lane))
          .once(message, Buffer.allocUnsafe(size + 64), callback);
      }),
  };
  const call = calls[operation.call];
  return call === undefined ? 'it has no asynchronous form' : { async: call };
}

await serve({ open, forms: { sync, async } });
