// @ts-check
// The environment of the targets: a module, its token, sessions and known keys. It restores them after calls that have closed,
// destroyed or finalised something.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CryptokiError, isCode } from 'cryptoki';
import { CKA, CKF, CKS, CKU, loadSync } from 'cryptoki/raw';
import * as testing from 'cryptoki/testing';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { destroy, findKeys } from './keys.mjs';
import { Skip } from './leg.mjs';

/** @typedef {import('cryptoki/raw').RawModule} RawModule */
/** @typedef {import('./keys.mjs').Keys} Keys */

export const USER_PIN = '1234';

/** Number of sessions for any call, and of sessions for operations in several calls, which other calls must not use. */
const FREE_SESSIONS = 5;
const OWN_SESSIONS = 3;
/** Above this number of objects the token is emptied, except for the keys. */
const MOST_OBJECTS = 150;

/** A module, its path and its options for C_Initialize. */
export class Place {
  /**
   * @param {object} options
   * @param {string} options.name
   * @param {string} options.path
   * @param {import('cryptoki/raw').InitializeOptions} [options.initialize]
   * @param {string} options.pin
   * @param {string} [options.soPin] if undefined, the token must not be initialised again
   * @param {boolean} options.tokenKeys true: keys are token objects and outlive sessions
   * @param {testing.FaultModule} [options.faults]
   * @param {string} [options.tokenSerial] serial number of the token; if undefined, the token in the first slot
   * @param {() => Promise<void> | void} options.remove
   */
  constructor({ name, path, initialize, pin, soPin, tokenKeys, faults, tokenSerial, remove }) {
    this.name = name;
    this.path = path;
    this.initialize = initialize;
    this.pin = pin;
    this.soPin = soPin;
    this.tokenKeys = tokenKeys;
    this.faults = faults;
    this.tokenSerial = tokenSerial;
    this.remove = remove;
  }
}

/** Paths of libsoftokn3 in distributions. */
function findNss() {
  const roots = ['/usr/lib', '/usr/lib64', '/opt/homebrew/lib', '/usr/local/lib'].filter((root) =>
    existsSync(root),
  );
  const folders = roots.flatMap((root) => [
    ...[root, join(root, 'nss')],
    ...readdirSync(root)
      .filter((name) => name.endsWith('-linux-gnu'))
      .flatMap((name) => [join(root, name), join(root, name, 'nss')]),
  ]);
  return folders
    .flatMap((folder) => ['libsoftokn3.so', 'libsoftokn3.dylib'].map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

async function softhsm() {
  return testing.createSoftToken({ module: await ensureSoftHSM(), pin: USER_PIN });
}

/**
 * A token of its own in a temporary directory.
 * @param {string} name 'softhsm', 'nss' or 'odd': a fault module over SoftHSM2
 * @returns {Promise<Place>}
 */
export async function openPlace(name) {
  if (name === 'nss') {
    const path = findNss();
    if (path === undefined) throw new Skip('needs libsoftokn3 (libnss3)');
    const folder = mkdtempSync(join(tmpdir(), 'cryptoki-fuzz-nss-'));
    const libraryParameters = `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`;
    const remove = () => rmSync(folder, { recursive: true, force: true });
    return new Place({
      name,
      path,
      initialize: { libraryParameters },
      pin: USER_PIN,
      tokenKeys: false,
      remove,
    });
  }
  const soft = await softhsm();
  const common = { name, pin: soft.pin, soPin: soft.soPin, tokenKeys: true };
  if (name === 'softhsm') return new Place({ ...common, path: soft.module, remove: () => soft.remove() });
  const faults = await testing.FaultModule.create({ module: soft.module, environment: soft.environment });
  const remove = async () => {
    await faults[Symbol.asyncDispose]();
    soft.remove();
  };
  return new Place({ ...common, path: faults.path, faults, remove });
}

/** A module that is loaded in this thread, with the state that the fuzzer expects. */
export class Ground {
  /** @type {bigint[]} */
  free = [];
  /** @type {bigint[]} */
  own = [];
  /** Objects that calls have created and may destroy. @type {bigint[]} */
  objects = [];
  /** @type {Keys} */
  keys = {};
  /** @type {ReadonlySet<number>} */
  mechanisms = new Set();
  slot = 0n;
  /** @type {Map<bigint, number | undefined>} */
  #serials = new Map();

  /** True if results can be verified: false while a plan makes the module itself return wrong ones. */
  isJudged = true;

  /**
   * @param {Place} place @param {string} [thread] names the keys of this thread
   * @param {boolean} [isShared] true: another thread changes the token at the same time
   */
  constructor(place, thread = 'main', isShared = false) {
    this.place = place;
    this.thread = thread;
    this.isShared = isShared;
    this.raw = loadSync(place.path);
  }

  /**
   * True if a session was closed and another thread has received its handle, so that it must not be disturbed.
   * @param {unknown} session
   */
  isForeign(session) {
    if (!this.isShared || typeof session !== 'bigint' || !this.#serials.has(session)) return false;
    return this.raw.sessionSerial(session) !== this.#serials.get(session);
  }

  /** An identifier of a key of this thread. @param {string} name */
  id(name) {
    return createHash('sha1').update(`${this.thread} ${name}`).digest();
  }

  /** Restores everything that calls may have removed. Throws if that is not possible. */
  repair() {
    for (let triesLeft = this.isShared ? 20 : 0; ; triesLeft -= 1) {
      try {
        return this.#repair();
      } catch (error) {
        if (triesLeft === 0 || !(error instanceof CryptokiError)) throw error; // the other thread changed the token
      }
    }
  }

  #repair() {
    const { raw, place } = this;
    place.faults?.clear();
    place.faults?.insertToken();
    try {
      raw.C_GetInfoSync();
    } catch (error) {
      if (!isCode(error, 'CKR_CRYPTOKI_NOT_INITIALIZED')) throw error;
      raw.C_InitializeSync(place.initialize);
      this.free = [];
      this.own = [];
    }
    this.slot = this.#findSlot();
    if (this.mechanisms.size === 0) this.mechanisms = new Set(raw.C_GetMechanismListSync(this.slot));
    this.#openSessions();
    this.#serials = new Map(
      [...this.own, ...this.free].map((session) => [session, raw.sessionSerial(session)]),
    );
    if (this.#state() !== CKS.RW_USER_FUNCTIONS) this.#login();
    this.keys = findKeys(this);
    this.#sweep();
  }

  /**
   * The slot of the token. With SoftHSM2 it is found by serial number, which C_InitToken keeps: the first slot can be that of
   * another token, which a call has initialised in the free slot.
   */
  #findSlot() {
    const { raw, place } = this;
    const slots = raw.C_GetSlotListSync(true);
    /** @param {bigint} slot */
    const serialOf = (slot) => raw.C_GetTokenInfoSync(slot).serialNumber;
    if (place.name === 'nss') return /** @type {bigint} */ (slots[1]); // all tokens of NSS have the same serial number
    place.tokenSerial ??= serialOf(/** @type {bigint} */ (slots[0]));
    const slot = slots.find((each) => serialOf(each) === place.tokenSerial);
    if (slot === undefined) throw new Error('no slot has the token of the fuzzer');
    return slot;
  }

  /** Reads the state again: a fault can log out without the knowledge of this package. */
  #state() {
    return this.raw.C_GetSessionInfoSync(/** @type {bigint} */ (this.own[0])).state;
  }

  #openSessions() {
    const { raw } = this;
    /** Asks the module, because a fault can have ended the session. @param {bigint | undefined} session */
    const isGood = (session) => {
      if (session === undefined || raw.sessionState(session) === undefined) return false;
      try {
        raw.C_GetSessionInfoSync(session);
        return true;
      } catch (error) {
        if (error instanceof CryptokiError) return false;
        throw error;
      }
    };
    for (const [list, count] of /** @type {const} */ ([
      [this.own, OWN_SESSIONS],
      [this.free, FREE_SESSIONS],
    ])) {
      while (list.length > count) raw.C_CloseSessionSync(/** @type {bigint} */ (list.pop()));
      for (let i = 0; i < count; i += 1)
        if (!isGood(list[i])) list[i] = raw.C_OpenSessionSync(this.slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
    }
  }

  #login() {
    const { raw, place, slot } = this;
    const session = /** @type {bigint} */ (this.own[0]);
    if (this.#state() === CKS.RW_SO_FUNCTIONS) raw.C_LogoutSync(session);
    const isReady = (raw.C_GetTokenInfoSync(slot).flags & CKF.USER_PIN_INITIALIZED) !== 0;
    if (!isReady) this.#initialisePin(session);
    try {
      raw.C_LoginSync(session, CKU.USER, place.pin);
    } catch (error) {
      if (isCode(error, 'CKR_USER_ALREADY_LOGGED_IN')) return;
      if (place.soPin === undefined) throw error;
      raw.C_CloseAllSessionsSync(slot); // a call has changed the PIN: start again with an empty token
      raw.C_InitTokenSync(slot, place.soPin, 'fuzz');
      this.#openSessions();
      this.#initialisePin(/** @type {bigint} */ (this.own[0]));
      raw.C_LoginSync(/** @type {bigint} */ (this.own[0]), CKU.USER, place.pin);
    }
  }

  /** @param {bigint} session */
  #initialisePin(session) {
    const { raw, place } = this;
    raw.C_LoginSync(session, CKU.SO, place.soPin ?? '');
    raw.C_InitPINSync(session, place.pin);
    raw.C_LogoutSync(session);
  }

  /** Destroys the objects that calls have created when there are too many. */
  #sweep() {
    const { raw } = this;
    const session = /** @type {bigint} */ (this.own[0]);
    const found = raw.findObjectsSync(session, [], [CKA.ID], 0);
    if (found.length < MOST_OBJECTS) return;
    const kept = new Set(Object.values(this.keys).flatMap((key) => [key.handle, key.publicHandle]));
    for (const { handle } of found) {
      if (!kept.has(handle)) destroy(this, handle);
    }
    this.objects = [];
  }

  /** Finalises the module and removes the token. */
  async close() {
    this.place.faults?.clear();
    try {
      await this.raw.C_Finalize();
    } catch (error) {
      if (!isCode(error, 'CKR_CRYPTOKI_NOT_INITIALIZED')) throw error;
    }
  }
}
