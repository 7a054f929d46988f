// @ts-check
// The operations of the bench. All contenders use the same mechanism, message length and key.
import { CKM, CKO } from 'cryptoki/raw';

/** Labels of the keys on the token; their CKA_ID is the same text. */
export const LABELS = /** @type {const} */ ({
  rsa: 'cryptoki-bench-rsa',
  p256: 'cryptoki-bench-p256',
  ed25519: 'cryptoki-bench-ed25519',
  hmac: 'cryptoki-bench-hmac',
  aes: 'cryptoki-bench-aes',
});

/**
 * @typedef {object} Operation
 * @property {string} name
 * @property {string} title for people
 * @property {'sign' | 'digest' | 'digest-stream' | 'encrypt' | 'random' | 'session-info' | 'find'} call
 * @property {number} [mechanism] CKM_ number
 * @property {string} [label] of the key, or of the objects to search
 * @property {number} [class] CKO_ number of the key
 * @property {number} [size] of the message, or of the random bytes
 * @property {number} [chunks] of a stream; each has that size
 * @property {number} weight relative length of a slice: slow operations need longer slices
 */

const key = { class: CKO.PRIVATE_KEY, size: 32 };

/** @type {readonly Operation[]} */
export const OPERATIONS = [
  {
    name: 'sign-rsa',
    title: 'sign RSA-2048 (CKM_SHA256_RSA_PKCS)',
    ...key,
    ...{ call: 'sign', mechanism: CKM.SHA256_RSA_PKCS, label: LABELS.rsa, weight: 4 },
  },
  {
    name: 'sign-p256',
    title: 'sign P-256 (CKM_ECDSA)',
    ...key,
    ...{ call: 'sign', mechanism: CKM.ECDSA, label: LABELS.p256, weight: 3 },
  },
  {
    name: 'sign-ed25519',
    title: 'sign Ed25519 (CKM_EDDSA)',
    ...key,
    ...{ call: 'sign', mechanism: CKM.EDDSA, label: LABELS.ed25519, weight: 1 },
  },
  {
    name: 'sign-hmac',
    title: 'HMAC-SHA256 of 32 bytes',
    ...{ call: 'sign', mechanism: CKM.SHA256_HMAC, label: LABELS.hmac },
    ...{ class: CKO.SECRET_KEY, size: 32, weight: 1 },
  },
  {
    name: 'digest-32',
    title: 'SHA-256 of 32 bytes',
    ...{ call: 'digest', mechanism: CKM.SHA256, size: 32, weight: 2 },
  },
  {
    name: 'digest-64k',
    title: 'SHA-256 of 64 KiB',
    ...{ call: 'digest', mechanism: CKM.SHA256, size: 65_536, weight: 1 },
  },
  {
    name: 'digest-stream',
    title: 'SHA-256 of a stream of 256 chunks of 64 KiB',
    ...{ call: 'digest-stream', mechanism: CKM.SHA256, size: 65_536, chunks: 256, weight: 2 },
  },
  {
    name: 'encrypt-gcm',
    title: 'AES-GCM of 1 KiB',
    ...{ call: 'encrypt', mechanism: CKM.AES_GCM, label: LABELS.aes },
    ...{ class: CKO.SECRET_KEY, size: 1024, weight: 1 },
  },
  { name: 'random', title: '32 random bytes', call: 'random', size: 32, weight: 1 },
  { name: 'session-info', title: 'C_GetSessionInfo', call: 'session-info', weight: 1 },
  {
    name: 'find',
    title: 'find by label',
    ...{ call: 'find', label: LABELS.p256, class: CKO.PRIVATE_KEY, weight: 1 },
  },
];

/** @param {string} name */
export function operationNamed(name) {
  const found = OPERATIONS.find((operation) => operation.name === name);
  if (found === undefined) throw new RangeError(`no operation ${name}`);
  return found;
}

/** Number of operations in flight in forms with more of them than sessions. */
export const IN_FLIGHT = 64;

/** A message of the operation's length. @param {Operation} operation */
export const messageFor = ({ size = 0 }) => Buffer.alloc(size, 0x5a);

/** Equal for all messages, because only the time is measured. */
export const IV = Buffer.alloc(12);
