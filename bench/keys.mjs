// @ts-check
// The keys of the bench on a token: generated for a run, found by all contenders by label, destroyed at the end.
import { LABELS, OPERATIONS } from './operations.mjs';

/** @typedef {import('cryptoki').Session} Session @typedef {import('cryptoki').Token} Token */

/** @param {string} label */
const named = (label) => ({ label, id: Buffer.from(label), token: true });

/** @type {readonly { label: string, mechanism: string, make: (session: Session) => Promise<unknown> }[]} */
const KEYS = [
  {
    label: LABELS.rsa,
    mechanism: 'RSA_PKCS_KEY_PAIR_GEN',
    make: (session) => session.generateKeyPair('RSA', { ...named(LABELS.rsa), modulusBits: 2048 }),
  },
  {
    label: LABELS.p256,
    mechanism: 'EC_KEY_PAIR_GEN',
    make: (session) => session.generateKeyPair('EC', { ...named(LABELS.p256), curve: 'P-256' }),
  },
  {
    label: LABELS.ed25519,
    mechanism: 'EC_EDWARDS_KEY_PAIR_GEN',
    make: (session) => session.generateKeyPair('EC_EDWARDS', { ...named(LABELS.ed25519), curve: 'Ed25519' }),
  },
  {
    label: LABELS.hmac,
    mechanism: 'GENERIC_SECRET_KEY_GEN',
    make: (session) => session.generateKey('GENERIC_SECRET', { ...named(LABELS.hmac), usage: ['sign'] }),
  },
  {
    label: LABELS.aes,
    mechanism: 'AES_KEY_GEN',
    make: (session) => session.generateKey('AES', { ...named(LABELS.aes), usage: ['encrypt'] }),
  },
];

/** @param {Token} token @param {string | undefined} pin */
async function loggedIn(token, pin) {
  const session = await token.openSession({ readWrite: true });
  if (pin !== undefined) await session.login(pin);
  return session;
}

/**
 * Generates the keys that the token supports.
 * @param {Token} token @param {string | undefined} pin
 * @returns {Promise<Record<string, string>>} operations that cannot be measured without a key, with the reason
 */
export async function makeKeys(token, pin) {
  /** @type {Set<string | number>} */
  const mechanisms = new Set(await token.slot.mechanisms());
  const session = await loggedIn(token, pin);
  await destroyIn(session);
  /** @type {Record<string, string>} */
  const missing = {};
  for (const { label, mechanism, make } of KEYS) {
    if (!mechanisms.has(mechanism)) {
      missing[label] = 'the token cannot generate such a key';
      continue;
    }
    try {
      await make(session);
    } catch (error) {
      missing[label] = /** @type {Error} */ (error).message;
    }
  }
  await session.close();
  const without = OPERATIONS.filter(({ label = '' }) => label in missing);
  return Object.fromEntries(without.map(({ name, label = '' }) => [name, missing[label] ?? '']));
}

/** @param {Session} session */
async function destroyIn(session) {
  for (const label of Object.values(LABELS)) {
    for (const object of await session.find({ label })) await object.destroy();
  }
}

/** @param {Token} token @param {string | undefined} pin */
export async function destroyKeys(token, pin) {
  const session = await loggedIn(token, pin);
  await destroyIn(session);
  await session.close();
}
