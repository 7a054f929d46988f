// @ts-check
// Parameters and result of each method of a raw module. The C functions come from spec/functions.json. A method that is in
// neither table makes the fuzzer fail, so that every function is covered.
import { readFileSync } from 'node:fs';
import { at } from '../../scripts/tools.mjs';

/**
 * @typedef {object} Signature
 * @property {readonly string[]} roles
 * @property {string} result role of the result; 'nothing', or 'several' for an object of results
 * @property {boolean} hasSync true: has a Sync form
 * @property {boolean} isSyncOnly
 */

/** Output parameters that JavaScript passes as a requested size. */
const INPUT_OF_OUTPUT = new Map([
  ['random', 'length'],
  ['objects', 'count'],
  ['attributes', 'attributes'],
]);

/** @type {Record<string, { parameters: string[] | null }>} */
const functions = JSON.parse(readFileSync(at('spec', 'functions.json'), 'utf8'));

/** @type {Map<string, Signature>} */
export const SIGNATURES = new Map();

for (const [name, { parameters }] of Object.entries(functions)) {
  if (parameters === null) continue;
  const roles = [];
  const results = [];
  for (const parameter of parameters) {
    const [first = '', second = ''] = parameter.split(' ');
    if (first === 'out') {
      results.push(second);
      const input = INPUT_OF_OUTPUT.get(second);
      if (input !== undefined) roles.push(input);
    } else if (first === 'asyncData') results.push(first);
    else if (first !== 'nothing') roles.push(first);
  }
  const result = results.length === 0 ? 'nothing' : results.length === 1 ? (results[0] ?? '') : 'several';
  SIGNATURES.set(name, { roles, result, hasSync: true, isSyncOnly: false });
}

const OPERATIONS = {
  C_Initialize: 'initialize -> nothing',
  C_Finalize: '-> nothing',
  sign: 'session mechanism object bytes digest pinOption -> bytes',
  verify: 'session mechanism object bytes bytes digest -> boolean',
  digest: 'session mechanism bytes -> bytes',
  encrypt: 'session mechanism object bytes -> bytes',
  decrypt: 'session mechanism object bytes pinOption -> bytes',
  signRecover: 'session mechanism object bytes -> bytes',
  verifyRecover: 'session mechanism object bytes -> bytes',
  digestKey: 'session mechanism object -> bytes',
  deriveValue: 'session mechanism object template count -> bytes',
  openSession: 'slot sessionFlags -> several',
  findObjects: 'session template attributes count -> found',
  signMany: 'session mechanism object packed offsets digest -> batch',
  verifyMany: 'session mechanism object packed offsets packed offsets digest -> batch',
  digestMany: 'session mechanism packed offsets -> batch',
  encryptMany: 'session mechanisms object packed offsets -> batch',
  decryptMany: 'session mechanisms object packed offsets -> batch',
  endOperations: 'session ulong -> boolean',
};
const SYNC_ONLY = {
  refuseWaiting: 'session -> number',
  cancelWaitForSlotEvent: '-> nothing',
  reinitialisations: '-> number',
  description: '-> several',
  sessionState: 'session -> optionalNumber',
  sessionSerial: 'session -> optionalNumber',
  loggedIn: 'slot -> optionalNumber',
  loginEpoch: 'slot -> number',
  watchLogins: 'callback -> nothing',
  createKeyReference: 'keyPlace callback -> several',
  updateKeyReference: 'reference keyPlace -> nothing',
  invalidateKeyReference: 'reference -> nothing',
  releaseKeyReference: 'reference -> nothing',
  claimKeyReference: 'reference -> boolean',
  unclaimKeyReference: 'reference -> nothing',
  closeIdleKeySessions: 'reference ulong -> nothing',
};
const ASYNC_ONLY = { reinitialise: 'since -> nothing' };

/** @param {Record<string, string>} table @param {boolean} hasSync @param {boolean} isSyncOnly */
function addAll(table, hasSync, isSyncOnly) {
  for (const [name, text] of Object.entries(table)) {
    const [roles = '', result = ''] = text.split('->').map((part) => part.trim());
    SIGNATURES.set(name, { roles: roles.split(' ').filter(Boolean), result, hasSync, isSyncOnly });
  }
}
addAll(OPERATIONS, true, false);
addAll(SYNC_ONLY, false, true);
addAll(ASYNC_ONLY, false, false);

/** Methods that are not part of the interface RawModule. */
const NOT_PUBLIC = new Set(['constructor', 'syncFastPath']);

/** Methods of a module that are missing in this file, and methods in this file that the module lacks. @param {object} raw */
export function difference(raw) {
  /** @type {Set<string>} */
  const names = new Set();
  for (let each = raw; each !== Object.prototype; each = Object.getPrototypeOf(each))
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  const known = new Set(
    [...SIGNATURES].flatMap(([name, { hasSync }]) => (hasSync ? [name, `${name}Sync`] : [name])),
  );
  return {
    unknown: [...names].filter((name) => !known.has(name) && !NOT_PUBLIC.has(name)),
    missing: [...known].filter((name) => !names.has(name)),
  };
}

/** @type {Record<string, (value: unknown) => boolean>} */
const SHAPES = {
  nothing: (value) => value === undefined,
  bytes: Buffer.isBuffer,
  short: Buffer.isBuffer,
  random: Buffer.isBuffer,
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  optionalNumber: (value) => value === undefined || typeof value === 'number' || typeof value === 'bigint',
  ulong: (value) => value === undefined || typeof value === 'number' || typeof value === 'bigint',
  object: (value) => typeof value === 'bigint',
  session: (value) => typeof value === 'bigint',
  slot: (value) => typeof value === 'bigint',
  slots: (value) => Array.isArray(value) && value.every((each) => typeof each === 'bigint'),
  objects: (value) => Array.isArray(value) && value.every((each) => typeof each === 'bigint'),
  mechanisms: (value) =>
    Array.isArray(value) && value.every((each) => ['number', 'bigint'].includes(typeof each)),
  attributes: (value) =>
    Array.isArray(value) && value.every((each) => typeof each === 'object' && 'type' in each),
  found: (value) =>
    Array.isArray(value) &&
    value.every((each) => typeof each.handle === 'bigint' && Array.isArray(each.attributes)),
  batch: (value) => typeof value === 'object' && value !== null && 'count' in value && 'failures' in value,
};

/** True if a result has the type of its role. @param {string} role @param {unknown} value */
export function hasShape(role, value) {
  const check = SHAPES[role] ?? ((each) => typeof each === 'object' && each !== null);
  return check(value);
}
