// @ts-check
// node-webcrypto-p11: the Web Crypto API over graphene-pk11. Each of its Crypto objects is a session.
import graphene from 'graphene-pk11';
import webcrypto from 'node-webcrypto-p11';
import { serve } from '../contenders/serve.mjs';
import { IV, messageFor } from '../operations.mjs';

/**
 * @typedef {import('../contenders/serve.mjs').Form} Form
 * @typedef {import('../operations.mjs').Operation} Operation
 */

/** @type {import('../contenders/serve.mjs').Target} */
let target;
/** @type {import('node-webcrypto-p11').Crypto[]} */
const cryptos = [];

const CKF_OS_LOCKING_OK = 2;

/** @param {import('../contenders/serve.mjs').Target} given */
function open(given) {
  target = given;
  // It initialises the module without locks, which crashes modules that are used on several threads. A module that is already
  // initialised is used unchanged.
  const parameters =
    given.libraryParameters === undefined ? {} : { libraryParameters: `${given.libraryParameters} ` };
  graphene.Module.load(given.module, 'bench').initialize({ flags: CKF_OS_LOCKING_OK, ...parameters });
}

/** @param {number} count */
function cryptosFor(count) {
  while (cryptos.length < count) {
    const config = { library: target.module, name: 'bench', slot: target.slotIndex, readWrite: true };
    cryptos.push(
      new webcrypto.Crypto({ ...config, ...(target.pin === undefined ? {} : { pin: target.pin }) }),
    );
  }
  return cryptos;
}

/** @type {Record<string, { kind: string, algorithm: import('node:crypto').webcrypto.Algorithm & Record<string, unknown>, usage: 'sign' | 'encrypt' }>} */
const KEYS = {
  'sign-rsa': { kind: 'private', algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, usage: 'sign' },
  'sign-p256': {
    kind: 'private',
    algorithm: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
    usage: 'sign',
  },
  'sign-hmac': { kind: 'secret', algorithm: { name: 'HMAC', hash: 'SHA-256' }, usage: 'sign' },
  'encrypt-gcm': { kind: 'secret', algorithm: { name: 'AES-GCM' }, usage: 'encrypt' },
};

/** @param {import('node-webcrypto-p11').Crypto} crypto @param {Operation} operation */
async function keyOf(crypto, { name, label = '' }) {
  const wanted = KEYS[name];
  if (wanted === undefined) throw new Error('no such key');
  const id = Buffer.from(label).toString('hex'); // its key names end with the CKA_ID
  const index = (await crypto.keyStorage.keys()).find(
    (each) => each.startsWith(wanted.kind) && each.endsWith(id),
  );
  if (index === undefined) throw new Error(`it finds no ${wanted.kind} key ${label}`);
  const key = await crypto.keyStorage.getItem(index, wanted.algorithm, false, [wanted.usage]);
  return /** @type {import('node:crypto').webcrypto.CryptoKey} */ (/** @type {unknown} */ (key));
}

/** @type {Form} */
async function promise(operation, count) {
  const { call, name } = operation;
  if (call === 'digest') {
    const message = messageFor(operation);
    const all = cryptosFor(count);
    return { async: async (lane) => all[lane]?.subtle.digest('SHA-256', message) };
  }
  const wanted = KEYS[name];
  if (wanted === undefined) return 'it cannot do this';
  const all = cryptosFor(count);
  /** @type {import('node:crypto').webcrypto.CryptoKey[]} */
  const keys = [];
  for (const crypto of all.slice(0, count)) keys.push(await keyOf(crypto, operation));
  const message = messageFor(operation);
  const parameters = call === 'encrypt' ? { name: 'AES-GCM', iv: IV, tagLength: 128 } : wanted.algorithm;
  return {
    async: async (lane) => {
      const key = /** @type {import('node:crypto').webcrypto.CryptoKey} */ (keys[lane]);
      return call === 'sign'
        ? all[lane]?.subtle.sign(parameters, key, message)
        : all[lane]?.subtle.encrypt(parameters, key, message);
    },
  };
}

await serve({ open, forms: { promise } });
