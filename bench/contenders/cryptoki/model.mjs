// @ts-check
// The model: sessions and keys as objects.
import { once } from 'node:events';
import { IN_FLIGHT, messageFor } from '../../operations.mjs';
import { modelSessions } from './connection.mjs';
import { mechanismOf } from './raw.mjs';

/**
 * @typedef {import('../serve.mjs').Form} Form
 * @typedef {import('../../operations.mjs').Operation} Operation
 * @typedef {import('cryptoki').Session} Session
 */

/** @param {Session} session @param {Operation} operation */
async function keysOf(session, operation) {
  const { label, call, class: objectClass } = operation;
  if (label === undefined || call === 'find') return { sign: undefined, encrypt: undefined };
  if (call === 'encrypt') return { sign: undefined, encrypt: await session.secretKey({ label }) };
  const isPrivate = objectClass === 3; // CKO_PRIVATE_KEY
  return { sign: await (isPrivate ? session.privateKey({ label }) : session.secretKey({ label })) };
}

/**
 * Writes the chunk `chunks` times, as fast as the stream accepts it.
 * @param {import('cryptoki').DigestStream} stream @param {Buffer} chunk @param {number} [chunks]
 */
export async function throughStream(stream, chunk, chunks = 1) {
  for (let i = 0; i < chunks; i += 1) if (!stream.write(chunk)) await once(stream, 'drain');
  stream.end();
  return stream.result();
}

/** The operation on one session. @param {Session} session @param {Operation} operation */
async function onSession(session, operation) {
  const keys = await keysOf(session, operation);
  const [mechanism, message] = [mechanismOf(operation), messageFor(operation)];
  const { size = 0, label = '' } = operation;
  /** @type {Record<Operation['call'], () => Promise<unknown> | undefined>} */
  const calls = {
    sign: () => keys.sign?.sign(mechanism, message),
    digest: () => session.digest(mechanism, message),
    'digest-stream': () => throughStream(session.createDigest(mechanism), message, operation.chunks),
    encrypt: () => keys.encrypt?.encrypt(mechanism, message),
    random: () => session.random(size),
    'session-info': () => session.info(),
    find: () => session.find({ class: 'PRIVATE_KEY', label }),
  };
  return calls[operation.call];
}

/** The operation on each of the sessions. @param {Operation} operation @param {number} count */
async function worksOf(operation, count) {
  const works = [];
  for (const session of await modelSessions(count)) works.push(await onSession(session, operation));
  return works;
}

/** @type {Form} */
export async function model(operation, count) {
  const works = await worksOf(operation, count);
  return { async: async (lane) => works[lane]?.() };
}

/** More operations in flight than sessions: the others wait in the queue of a session. @type {Form} */
export async function modelQueued(operation, count) {
  if (operation.call === 'digest-stream') return 'a session does one stream at a time';
  const works = await worksOf(operation, count);
  return { async: async (lane) => works[lane % count]?.(), lanes: IN_FLIGHT };
}

/** @type {Form} */
export async function modelSync(operation) {
  const [session] = await modelSessions(1);
  if (session === undefined) throw new Error('no session');
  const keys = await keysOf(session, operation);
  const [mechanism, message] = [mechanismOf(operation), messageFor(operation)];
  const { size = 0, call } = operation;
  if (call === 'session-info' || call === 'find' || call === 'digest-stream')
    return 'the model has no synchronous form of it';
  const calls = {
    sign: () => keys.sign?.signSync(mechanism, message),
    digest: () => session.digestSync(mechanism, message),
    encrypt: () => keys.encrypt?.encryptSync(mechanism, message),
    random: () => session.randomSync(size),
  };
  return { sync: calls[call] };
}

/** @type {Form} */
export async function modelBatch(operation, count) {
  const { call } = operation;
  const sessions = await modelSessions(count);
  const [session] = sessions;
  if (session === undefined) throw new Error('no session');
  const keys = await keysOf(session, operation);
  const [mechanism, message] = [mechanismOf(operation), messageFor(operation)];
  /** @type {Partial<Record<Operation['call'], (messages: Buffer[]) => Promise<import('cryptoki').BatchResults<Buffer>> | undefined>>} */
  const calls = {
    sign: (messages) => keys.sign?.signMany(mechanism, messages, { sessions }),
    digest: (messages) => session.digestMany(mechanism, messages, { sessions }),
    encrypt: (messages) => keys.encrypt?.encryptMany(() => mechanism, messages, { sessions }),
  };
  const many = calls[call];
  if (many === undefined) return 'there is no batch of these';
  return { batch: async (_lane, size) => noFailures(await many(new Array(size).fill(message))) };
}

/** @param {import('cryptoki').BatchResults<Buffer> | undefined} results */
export function noFailures(results) {
  for (const error of results?.failures.values() ?? []) throw error;
}
