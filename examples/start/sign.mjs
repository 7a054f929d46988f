// Generates key pairs for one run, and signs with them.
import { constants, randomBytes, verify } from 'node:crypto';
import { SingleBar } from 'cli-progress';
import { CryptokiError } from 'cryptoki';

export const ALGORITHMS = [
  {
    key: 'EC P-256',
    keyType: 'EC',
    parameters: { curve: 'P-256' },
    name: 'ECDSA-SHA256',
    check: { dsaEncoding: 'ieee-p1363' },
  },
  {
    key: 'RSA-2048',
    keyType: 'RSA',
    parameters: { modulusBits: 2048 },
    name: 'RSA-PKCS1-SHA256',
    check: { padding: constants.RSA_PKCS1_PADDING },
  },
];

/**
 * A pair that ends with the session. If the token supports no session keys, it is a pair of token keys, destroyed at the end.
 * Undefined if the token does not support such keys.
 * @param {import('cryptoki').Session} session
 */
export async function makeKeyPair(session, { key, keyType, parameters }) {
  const options = { ...parameters, label: `cryptoki start ${randomBytes(4).toString('hex')}` };
  const errors = [];
  for (const token of [false, true]) {
    try {
      return await session.generateKeyPair(keyType, { ...options, token });
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
      errors.push(error.message);
    }
  }
  console.log(`${key}: this token makes no such keys. ${errors.at(-1)}`);
  return undefined;
}

/**
 * Signs `count` messages on several sessions at a time, then checks every signature with node:crypto.
 * @param {import('cryptoki').Token} token
 * @param {import('cryptoki').KeyPair} pair
 */
export async function signAndCheck(
  token,
  { privateKey, publicKey },
  { key, name, check },
  { count, sessions: wanted },
) {
  const judge = { key: await publicKey.toKeyObject(), ...check };
  const messages = Array.from({ length: count }, (_, index) => Buffer.from(`message ${index} of ${count}`));
  const signatures = new Array(count);
  const sessions = [];
  const bar = new SingleBar({
    format: `${key.padEnd(8)} [{bar}] {value}/{total}`,
    noTTYOutput: true,
    notTTYSchedule: 2000,
  });
  try {
    while (sessions.length < wanted) {
      const session = await token.openSession().catch(endOfSessions);
      if (session === undefined) break;
      sessions.push(session);
    }
    const keys = sessions.length > 0 ? sessions.map((session) => privateKey.on(session)) : [privateKey];
    bar.start(count, 0);
    let next = 0;
    let done = 0;
    const work = async (signer) => {
      while (next < count) {
        const index = next++;
        signatures[index] = await signer.sign(name, messages[index]);
        done += 1;
        if (done % 100 === 0) bar.update(done);
      }
    };
    const begin = process.hrtime.bigint();
    await Promise.all(keys.map(work));
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    bar.update(count);
    const wrong = signatures.findIndex(
      (signature, index) => !verify('sha256', messages[index], judge, signature),
    );
    if (wrong >= 0) throw new Error(`${key}: node:crypto does not accept signature ${wrong}`);
    return { key, algorithm: name, count, sessions: keys.length, seconds };
  } finally {
    bar.stop();
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** Signs on the sessions that the token allows, if it refuses further ones. */
function endOfSessions(error) {
  if (error.code === 'CKR_SESSION_COUNT') return undefined;
  throw error;
}
