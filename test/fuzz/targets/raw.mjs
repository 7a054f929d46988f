// @ts-check
// Random calls of every method of a raw module, with arguments that are valid, wrong, or run code while they are read.
// node:crypto verifies the results of operations.
import { argument, needsRsaKey } from '../arguments.mjs';
import { Calls } from '../call.mjs';
import { DataObjects } from '../data-objects.mjs';
import { randomPlan } from '../faults.mjs';
import { Ground, openPlace } from '../ground.mjs';
import { Operations } from '../operations.mjs';
import { Results } from '../results.mjs';
import { sabotage } from '../sabotage.mjs';
import { difference, SIGNATURES } from '../signatures.mjs';
import { junk, memoryOf, sparse } from '../values.mjs';

/** @typedef {import('../random.mjs').Random} Random */
/** @typedef {import('../leg.mjs').Leg} Leg */
/** @typedef {import('../call.mjs').Plan} Plan */
/** @typedef {import('../sabotage.mjs').Scene} Scene */

/** @param {string} place */
export const on = (place) => ({
  /** @param {Leg} leg */
  async run(leg) {
    leg.note(`opens ${place}`);
    const opened = await openPlace(place);
    await runOn(leg, new Ground(opened));
    await opened.remove();
  },
});

/** Functions that disturb other calls strongly, and are called less often. */
const RARE = new Set([
  ...[
    'C_Initialize',
    'C_Finalize',
    'C_CloseAllSessions',
    'C_Logout',
    'C_InitToken',
    'reinitialise',
    'C_Login',
    'C_LoginUser',
  ],
  ...['C_SetPIN', 'C_InitPIN', 'C_GenerateKeyPair', 'C_WaitForSlotEvent'],
]);
/** Functions that should not receive the keys of the fuzzer as objects. */
const SPARES_KEYS = new Set(['C_DestroyObject', 'C_SetAttributeValue']);
const SETS_PIN = new Set(['C_SetPIN', 'C_InitPIN', 'C_InitToken']);
/** Maximum number of calls in flight. */
const MOST_CALLS = 8;

/**
 * Runs the fuzzer on a module of this thread. @param {Leg} leg @param {Ground} ground
 */
export async function runOn(leg, ground) {
  const { unknown, missing } = difference(ground.raw);
  if (unknown.length + missing.length > 0)
    leg.fail(
      'methods that the fuzzer does not know, or that are missing',
      JSON.stringify({ unknown, missing }),
    );
  const results = new Results(leg);
  const calls = new Calls(leg, ground, results);
  const makers = { operations: new Operations(leg, ground), objects: new DataObjects(leg, ground) };
  let handles = '';
  while (leg.next()) {
    const random = leg.stepRandom;
    const { own, raw } = ground;
    if (
      leg.step % 10 === 1 ||
      own.some((session) => raw.sessionState(session) === undefined) ||
      random.chance(0.02)
    ) {
      leg.note('repairs');
      ground.repair();
      const now = `${ground.own.map((session) => raw.sessionSerial(session))} ${Object.values(ground.keys).flatMap(({ handle, publicHandle }) => [handle, publicHandle])}`;
      if (now !== handles) for (const each of Object.values(makers)) each.forget();
      handles = now;
    }
    if (ground.place.faults !== undefined) {
      const { rules, altersValues } = randomPlan(random);
      ground.isJudged = !altersValues;
      leg.note(`plan: ${JSON.stringify(rules)}`);
      ground.place.faults.plan(rules);
    }
    // A separate generator: the end of a call does not change the arguments of later calls.
    for (let left = random.between(1, MOST_CALLS); left > 0; left -= 1)
      for (const plan of plans(random.fork(left), leg, ground, makers))
        calls.start(plan, random.fork(`start ${left}`));
    if (random.chance(0.1)) globalThis.gc?.();
    raw.cancelWaitForSlotEvent();
    await calls.settle(random.fork('settle'));
    checkViolations(leg, ground);
  }
  results.check();
  leg.note('closes the module');
  await ground.close();
}

/** Checks that no call has violated the rules of PKCS#11. @param {Leg} leg @param {Ground} ground */
export function checkViolations(leg, { place: { faults } }) {
  const [first] = faults?.violations ?? [];
  if (first === undefined) return;
  leg.fail(`violation: ${first.kind} by ${first.function}`, JSON.stringify(first));
  faults?.resetCounters();
}

/** @param {Random} random @param {Leg} leg @param {import('../ground.mjs').Ground} ground @param {{ operations: Operations, objects: DataObjects }} makers @returns {Plan[]} */
function plans(random, leg, ground, { operations, objects }) {
  const kind = random.weighted([
    [24, 'single'],
    [8, 'sabotage'],
    [2, 'pollute'],
    [5, 'batch'],
    [8, 'parts'],
    [8, 'object'],
    [45, 'any'],
  ]);
  switch (kind) {
    case 'batch':
      return [operations.batch(random)];
    case 'parts':
      return operations.parts(random);
    case 'object':
      return [objects.plan(random)];
    case 'any':
      return [anyCall(random, leg, ground, objects)];
    default:
      return [
        operations.single(
          random,
          scene(leg, ground, random, kind),
          kind === 'single' ? 'clean' : kind === 'pollute' ? 'pollute' : 'sabotage',
        ),
      ];
  }
}

/** @param {Leg} leg @param {Ground} ground @param {Random} random @returns {Scene} */
function scene(leg, ground, random, name = '') {
  const session = random.pick(ground.free);
  return {
    memories: [],
    closeSession: () => ground.raw.C_CloseSessionSync(session),
    finalise: () => ground.raw.C_FinalizeSync(),
    callInside: () => ground.raw.C_GenerateRandomSync(session, 10),
    fail: (key, detail) => leg.fail(key, detail),
    name,
  };
}

/** A call of any method, with any arguments. @param {Random} random @param {Leg} leg @param {Ground} ground @param {DataObjects} objects @returns {Plan} */
function anyCall(random, leg, ground, objects) {
  let name = random.pick([...SIGNATURES.keys()]);
  if (RARE.has(name) && random.chance(0.8)) name = random.pick([...SIGNATURES.keys()]);
  // After these calls handles of sessions and objects are reused, which the other thread cannot notice.
  if (ground.isShared && ['reinitialise', 'C_CloseAllSessions'].includes(name)) name = 'reinitialisations';
  if (name === 'C_InitToken' && ground.place.soPin === undefined) name = 'C_GetInfo'; // the token would be lost
  const { roles, hasSync, result } = SIGNATURES.get(name) ?? { roles: [], hasSync: true, result: '' };
  const spoilt = scene(leg, ground, random, name);
  const made = roles.map((role) => {
    if (role === 'object' && SPARES_KEYS.has(name) && random.chance(0.98))
      return argument(random, 'disposable', ground);
    return argument(random, role, ground);
  });
  const values = made.map(([value]) => value);
  const texts = made.map(([, text]) => text);
  // Even a call that fails may have changed some of the attributes (NSS).
  if (name === 'C_SetAttributeValue') objects.mayHaveChanged(values[1]);
  const keyIndex = /** @type {readonly string[]} */ (roles).indexOf('object');
  const keepsKey =
    ground.place.faults !== undefined &&
    needsRsaKey(name, values[roles.findIndex((role) => /^mechanism/.test(role))]);
  if (keepsKey && keyIndex >= 0)
    [values[keyIndex], texts[keyIndex]] = [ground.keys.rsa?.publicHandle ?? 0n, 'public rsa'];
  const setsPin = SETS_PIN.has(name);
  if (setsPin && values.length > 0)
    for (let i = 1; i < values.length; i += 1) if (roles[i] === 'pin') values[i] = ground.place.pin;
  spoilt.memories.push(...values.filter((value) => memoryOf(value) !== undefined));
  const mode = random.weighted([
    [50, 'valid'],
    [25, 'junk'],
    [17, 'sabotage'],
    [4, 'all junk'],
    [4, 'count'],
  ]);
  /** @param {number} index */
  const spoil = (index) => {
    const [value, text] = random.chance(0.004) ? sparse() : junk(random);
    const isPin = setsPin && (typeof value === 'string' || memoryOf(value) !== undefined);
    const isOwn = ground.own.some((session) => session === value || Number(session) === value);
    const isForeign = ground.isShared && roles[index] === 'session' && typeof value === 'bigint';
    const isKept = keepsKey && index === keyIndex;
    const isCalledLater = roles[index] === 'callback' && typeof value === 'function'; // which may throw later
    [values[index], texts[index]] =
      isPin || isOwn || isForeign || isKept || isCalledLater ? [undefined, 'undefined'] : [value, text];
  };
  if (mode === 'junk' && values.length > 0) spoil(random.below(values.length));
  if (mode === 'all junk')
    values.forEach((_, i) => {
      spoil(i);
    });
  if (mode === 'count' && random.chance(0.5)) values.length = random.below(values.length + 1);
  else if (mode === 'count') spoil(values.length);
  if (mode === 'sabotage') {
    const objects = [...values.keys()].filter(
      (i) => typeof values[i] === 'object' && values[i] !== null && memoryOf(values[i]) === undefined,
    );
    const index = objects.length > 0 ? random.pick(objects) : -1;
    if (index >= 0) {
      const [value, text] = sabotage(random, /** @type {object} */ (values[index]), spoilt);
      [values[index], texts[index]] = [value, `${texts[index]}${text}`];
    }
  }
  let sync = hasSync && random.chance(0.4);
  if (name === 'C_WaitForSlotEvent') {
    sync = sync && mode === 'valid';
    if (sync) [values[0], texts[0]] = [1, '1']; // without this flag the thread would block
  }
  if (
    name === 'C_GenerateRandom' &&
    Number.isInteger(Number(edgeNumber(values[1]))) &&
    edgeNumber(values[1]) > 2 ** 24 &&
    edgeNumber(values[1]) < 2 ** 53
  )
    [values[1], texts[1]] = [16, '16']; // gigabytes of random bytes only take time
  const text = texts.join(', ');
  const keep =
    result === 'object' &&
    ['C_CreateObject', 'C_CopyObject', 'C_GenerateKey', 'C_UnwrapKey', 'C_DeriveKey'].includes(name);
  return {
    name,
    parameters: values,
    text,
    sync,
    pollute: random.chance(0.02),
    strange: /proxy|primitive/.test(text),
    ...(keep && {
      check: (/** @type {unknown} */ handle) => {
        if (ground.objects.length < 100) ground.objects.push(/** @type {bigint} */ (handle));
      },
    }),
  };
}

/** @param {unknown} value */
const edgeNumber = (value) => (typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0);
