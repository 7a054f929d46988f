// @ts-check
// The sessions of all levels, opened when they are needed and then kept.
import { connect, Module } from 'cryptoki';
import { CKF } from 'cryptoki/raw';

/** @typedef {import('../serve.mjs').Target} Target */

/** @type {Target | undefined} */
let target;
/** @type {Module | undefined} */
let module;
/** @type {import('cryptoki').Token | undefined} */
let token;
/** @type {bigint[]} */
const handles = [];
/** @type {import('cryptoki').Session[]} */
const sessions = [];
/** @type {{ count: number, client: import('cryptoki').Client } | undefined} */
let connected;

/** @template T @param {T | undefined} value @returns {T} */
function opened(value) {
  if (value === undefined) throw new Error('no module is open');
  return value;
}

/** @param {Target} given */
function moduleOptions({ libraryParameters }) {
  return libraryParameters === undefined ? {} : { libraryParameters };
}

/** @param {Target} given */
export async function open(given) {
  target = given;
  module = await Module.open(given.module, moduleOptions(given));
  token = await module.token({ slot: BigInt(given.slot) });
  const [session] = await modelSessions(1);
  if (given.pin !== undefined) await session?.login(given.pin);
}

/** The raw module. */
export const raw = () => opened(module).raw;

/** Handles for the raw level. @param {number} count */
export async function rawSessions(count) {
  const slot = BigInt(opened(target).slot);
  while (handles.length < count) {
    handles.push(await raw().C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION));
  }
  return handles;
}

/** Sessions of the model. @param {number} count */
export async function modelSessions(count) {
  while (sessions.length < count) sessions.push(await opened(token).openSession({ readWrite: true }));
  return sessions.slice(0, count);
}

/** A client with at most `count` sessions. @param {number} count */
export async function clientOf(count) {
  if (connected?.count === count) return connected.client;
  await connected?.client.close();
  const given = opened(target);
  const client = await connect(
    { module: given.module, token: { slot: BigInt(given.slot) } },
    {
      ...(given.pin === undefined ? {} : { pin: given.pin }),
      sessions: { max: count },
      moduleOptions: moduleOptions(given),
    },
  );
  connected = { count, client };
  return client;
}
