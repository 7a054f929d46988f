// @ts-check
// Random programs that use the model: model-actions.mjs has their actions; this file checks the state when no call is in flight.
import { isCode, Module } from 'cryptoki';
import { randomPlan } from '../faults.mjs';
import { openPlace, USER_PIN } from '../ground.mjs';
import { ACTIONS } from '../model-actions.mjs';
import { Results } from '../results.mjs';
import { checkViolations } from './raw.mjs';

/** @typedef {import('../random.mjs').Random} Random */
/** @typedef {import('../leg.mjs').Leg} Leg */
/** @typedef {import('cryptoki').Session} Session */

/**
 * An object that the program has created or found, with its expected properties.
 * @typedef {object} Known
 * @property {import('cryptoki').StorageObject} object
 * @property {import('cryptoki').PublicKey} [publicKey]
 * @property {'rsa' | 'ec' | 'aes' | 'hmac' | 'data'} kind
 * @property {import('node:crypto').KeyObject} [verifier]
 * @property {Buffer} [value] of a secret key, or of data
 * @property {string} [label]
 * @property {boolean} isSure true: the model must know if it is private, in spite of a logout before its first read
 */

const MOST_SESSIONS = 8;
const MOST_OBJECTS = 25;

/** The objects that a random program holds. */
export class World {
  /** @type {Session[]} */
  sessions = [];
  /** Closed sessions and dead objects, which the program uses again by mistake. @type {Session[]} */
  closed = [];
  /** @type {Known[]} */
  objects = [];
  isJudged = true;
  pin = USER_PIN;

  /** @param {Leg} leg @param {import('../ground.mjs').Place} place @param {Module} module @param {import('cryptoki').Token} token */
  constructor(leg, place, module, token) {
    this.leg = leg;
    this.place = place;
    this.module = module;
    this.token = token;
    this.results = new Results(leg);
  }

  get isNss() {
    return this.place.name === 'nss';
  }

  /** Opens the module again; all earlier objects are then dead. */
  async reopen() {
    this.module = await Module.open(this.place.path, this.place.initialize ?? {});
    this.token = await tokenOf(this.place, this.module);
  }

  /** Drops the oldest objects above a limit. */
  trim() {
    this.closed.push(...this.sessions.filter((session) => session.closed));
    this.sessions = this.sessions.filter((session) => !session.closed);
    while (this.closed.length > 4) this.closed.shift();
    while (this.objects.length > MOST_OBJECTS) this.objects.shift();
  }
}

/** @param {import('../ground.mjs').Place} place @param {Module} module */
async function tokenOf(place, module) {
  const tokens = await module.tokens();
  const token = place.name === 'nss' ? tokens[1] : tokens[0];
  if (token === undefined) throw new Error('the module has no token');
  return token;
}

/** @param {string} name of the place */
export const on = (name) => ({
  /** @param {Leg} leg */
  async run(leg) {
    leg.note(`opens ${name}`);
    const place = await openPlace(name);
    const module = await Module.open(place.path, place.initialize ?? {});
    const world = new World(leg, place, module, await tokenOf(place, module));
    if (name === 'nss') {
      const session = await world.token.openSession({ readWrite: true });
      await session.login(null, { user: 'SO' });
      await session.initPin(place.pin);
      await session.close();
    }
    while (leg.next()) await step(leg, world);
    world.results.check();
    leg.note('closes the module');
    await world.module.close();
    await place.remove();
  },
});

/** @param {Leg} leg @param {World} world */
async function step(leg, world) {
  const random = leg.stepRandom;
  const { faults } = world.place;
  if (faults !== undefined) {
    const { rules, altersValues } = randomPlan(random);
    world.isJudged = !altersValues;
    leg.note(`plan: ${JSON.stringify(rules)}`);
    faults.plan(rules);
  }
  const open = [];
  for (let left = random.between(1, 8); left > 0; left -= 1) {
    const own = random.fork(left);
    const action = own.weighted(ACTIONS.map((each) => /** @type {const} */ ([each.weight, each])));
    leg.note(action.name);
    const promise = (async () => {
      try {
        await action.run(world, own);
        leg.count(action.name, 'ok');
      } catch (error) {
        leg.judgeError(action.name, error, { strange: action.name.includes('junk'), text: action.name });
      }
    })();
    open.push({ name: action.name, text: action.name, promise });
    if (own.chance(0.3)) await new Promise(setImmediate);
  }
  await leg.settle(open);
  faults?.clear();
  faults?.insertToken();
  world.trim();
  if (world.sessions.length > MOST_SESSIONS)
    await leg
      .settle([
        {
          name: 'close',
          text: 'closes a session',
          promise: /** @type {Session} */ (world.sessions[0]).close(),
        },
      ])
      .catch(() => {});
  await afterwards(leg, world);
  checkViolations(
    leg,
    world.place.faults === undefined ? /** @type {never} */ ({ place: {} }) : /** @type {never} */ (world),
  );
}

/** Checks the conditions that hold when no call is in flight. @param {Leg} leg @param {World} world */
async function afterwards(leg, world) {
  leg.note('looks at all sessions and objects');
  const handles = new Set();
  for (const session of [...world.sessions, ...world.closed])
    await checkSession(leg, world, session, handles);
  const { user } = world.token;
  const suffix = user === undefined ? 'PUBLIC_SESSION' : `${user}_FUNCTIONS`;
  for (const { state, closed } of world.sessions) {
    if (closed || world.module.closed || world.place.faults !== undefined) continue;
    if (!state.endsWith(suffix))
      leg.fail('session.state and token.user disagree', `${state} while ${user} is logged in`);
  }
  const objects = world.objects;
  world.objects = [];
  for (const known of objects) {
    const isAlive = await checkObject(leg, world, known);
    if (isAlive || leg.stepRandom.chance(0.3)) world.objects.push(known); // some dead objects remain in use, by mistake
  }
  if (world.module.closed) await world.reopen();
}

/** @param {Leg} leg @param {World} world @param {Session} session @param {Set<bigint>} handles */
async function checkSession(leg, world, session, handles) {
  const isDead = session.closed;
  if (isDead !== (session.state === 'CLOSED'))
    leg.fail('session.closed and session.state disagree', `${isDead}, ${session.state}`);
  if (!isDead && handles.has(session.handle))
    leg.fail('two open Session objects have one native session', String(session.handle));
  if (!isDead) handles.add(session.handle);
  const [outcome] = await leg.settle([{ name: 'info', text: 'session.info()', promise: session.info() }]);
  if (outcome?.status === 'fulfilled') {
    if (isDead) leg.fail('a closed session gives its info', session.state);
    else if (outcome.value.state !== session.state && world.place.faults === undefined)
      leg.fail('session.state is not what C_GetSessionInfo says', `${session.state}, ${outcome.value.state}`);
    else leg.verified('states');
  } else if (outcome !== undefined) {
    leg.judgeError('info', outcome.reason);
    const isRefusal = isCode(outcome.reason, 'ERR_CRYPTOKI_SESSION_CLOSED', 'ERR_CRYPTOKI_MODULE_CLOSED');
    if (isDead && !isRefusal) leg.fail('a closed session is not refused as closed', String(outcome.reason));
    else if (!isDead && world.place.faults === undefined)
      leg.fail('an open session gives an error', String(outcome.reason));
  }
}

/** Checks that a dead object is refused before a call. @returns {Promise<boolean>} true if it is alive @param {Leg} leg @param {World} world @param {Known} known */
async function checkObject(leg, world, { object, isSure }) {
  const { session, isTokenObject, isPrivate } = object;
  const [outcome] = await leg.settle([
    { name: 'attributes', text: 'attributes of an object', promise: object.attributes('class') },
  ]);
  if (outcome?.status === 'rejected') {
    leg.judgeError('attributes of an object', outcome.reason);
    if (
      isSure &&
      isCode(outcome.reason, 'CKR_SESSION_HANDLE_INVALID', 'CKR_CRYPTOKI_NOT_INITIALIZED') &&
      world.place.faults === undefined
    )
      leg.fail('an object of a session that is gone is not refused before the call', String(outcome.reason));
    if (isSure && isCode(outcome.reason, 'CKR_OBJECT_HANDLE_INVALID') && world.place.faults === undefined)
      leg.fail(
        'an object that is gone is not refused before the call',
        `${object.class}, token ${isTokenObject}, private ${isPrivate}`,
      );
    return false;
  }
  const user = session.token.user;
  if (session.closed) leg.fail('an object of a closed session is used', `token object: ${isTokenObject}`);
  else if (isPrivate && user === undefined)
    leg.fail('a private object is used though nobody is logged in', `${object.class}`);
  else leg.verified('lives');
  return true;
}
