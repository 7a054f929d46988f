// @ts-check
// The client of connect(): it shares sessions, keeps the login and recovers from losses.
import { IN_FLIGHT, messageFor } from '../../operations.mjs';
import { clientOf } from './connection.mjs';
import { noFailures, throughStream } from './model.mjs';
import { mechanismOf } from './raw.mjs';

/**
 * @typedef {import('../serve.mjs').Form} Form
 * @typedef {import('../../operations.mjs').Operation} Operation
 * @typedef {import('cryptoki').BatchResults<Buffer>} Results
 */

/** @param {import('cryptoki').Client} client @param {Operation} operation */
async function keysOf(client, { label, call, class: objectClass }) {
  if (label === undefined || call === 'find') return { sign: undefined, encrypt: undefined };
  if (call === 'encrypt') return { sign: undefined, encrypt: await client.secretKey({ label }) };
  const isPrivate = objectClass === 3; // CKO_PRIVATE_KEY
  return { sign: await (isPrivate ? client.privateKey({ label }) : client.secretKey({ label })) };
}

/** @param {Operation} operation @param {number} count @returns {Promise<() => Promise<unknown>>} */
async function workOf(operation, count) {
  const found = await clientOf(count);
  const keys = await keysOf(found, operation);
  const [mechanism, message] = [mechanismOf(operation), messageFor(operation)];
  const { size = 0, label = '' } = operation;
  /** @type {Record<Operation['call'], () => Promise<unknown> | undefined>} */
  const calls = {
    sign: () => keys.sign?.sign(mechanism, message),
    digest: () => found.digest(mechanism, message),
    'digest-stream': () => throughStream(found.createDigest(mechanism), message, operation.chunks),
    encrypt: () => keys.encrypt?.encrypt(mechanism, message),
    random: () => found.random(size),
    'session-info': () => found.withSession((session) => session.info()),
    find: () => found.find({ class: 'PRIVATE_KEY', label }),
  };
  const call = calls[operation.call];
  return async () => call();
}

/** @type {Form} */
export async function client(operation, count) {
  return { async: await workOf(operation, count) };
}

/** More operations in flight than sessions. @type {Form} */
export async function clientQueued(operation, count) {
  return { async: await workOf(operation, count), lanes: IN_FLIGHT };
}

/** @type {Form} */
export async function clientBatch(operation, count) {
  const found = await clientOf(count);
  const keys = await keysOf(found, operation);
  const [mechanism, message] = [mechanismOf(operation), messageFor(operation)];
  const owner = operation.call === 'digest' ? found : (keys.sign ?? keys.encrypt);
  const name = `${operation.call}Many`;
  const many = owner === undefined ? undefined : Reflect.get(owner, name);
  if (typeof many !== 'function') return `the client has no ${name}`;
  const algorithm = operation.call === 'encrypt' ? () => mechanism : mechanism;
  return {
    batch: async (_lane, size) => {
      /** @type {Results} */
      const results = await many.call(owner, algorithm, new Array(size).fill(message));
      noFailures(results);
    },
  };
}
