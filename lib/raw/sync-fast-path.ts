/**
 * The short way of synchronous operations: on a free session the native code needs no job. Short results are copied from
 * memory that native code and JavaScript share; see results.ts.
 */

import { realmFunctions } from './addon';
import { brief, briefAll, isBrief, isFlat } from './flat-mechanism';
import type { RawDigest } from './operations';
import type { RawModule } from './raw-module';
import { takeResult, takeSecret, takeSessionInfo } from './short-results';
import type { BytesLike, RawMechanism } from './values';

/** A result: the length of one that is to be taken; a Buffer; undefined where the general way must be taken. */
type DirectResult = number | Buffer | undefined;

/**
 * Native functions. They throw what the module returns. A mechanism is given as brief() makes it, the elements of an array one
 * by one.
 */
interface Direct {
  digest(session: bigint, data: Uint8Array, ...mechanism: readonly unknown[]): DirectResult;
  sign(session: bigint, data: Uint8Array, key: bigint, ...mechanism: readonly unknown[]): DirectResult;
  encrypt: Direct['sign'];
  verify(
    session: bigint,
    data: Uint8Array,
    signature: Uint8Array,
    key: bigint,
    ...mechanism: readonly unknown[]
  ): boolean | undefined;
  random(session: bigint, length: number): DirectResult;
  /** True: takeSessionInfo() has it; undefined where the general way must be taken. */
  sessionInfo(session: bigint): true | undefined;
  sessionState: RawModule['sessionState'];
  sessionSerial: RawModule['sessionSerial'];
  loginEpoch: RawModule['loginEpoch'];
  loggedIn: RawModule['loggedIn'];
}

/** Of random bytes. */
const LONGEST_RANDOM = 5119;
/** Messages to encrypt: the result is as long. */
const LONGEST_TO_ENCRYPT = 4096;
/** Messages of some length are worth a copy, and a thread of their own. */
const LONGEST = 64 * 1024;

function short(data: BytesLike): data is Uint8Array {
  return data instanceof Uint8Array && data.byteLength <= LONGEST;
}

/** Where a raw module holds the functions that native code holds weakly. */
const REALM = Symbol('realm');
/** Where a raw module has its direct functions. */
const DIRECT = Symbol('direct');

type Native = RawModule & { syncFastPath(): Direct; readonly [DIRECT]: Direct };

/** What a native prototype gets in front of it. */
function shortcuts(native: Native): Partial<RawModule> & ThisType<Native> {
  return {
    digestSync(session, mechanism, data) {
      const direct = this[DIRECT];
      const its = brief(mechanism);
      if (short(data) && isBrief(its)) {
        const result = isFlat(its) ? direct.digest(session, data, ...its) : direct.digest(session, data, its);
        if (result !== undefined) return typeof result === 'number' ? takeResult(result) : result;
      }
      return native.digestSync.call(this, session, its as RawMechanism, data);
    },
    signSync(session, mechanism, key, data, digest?: RawDigest, pin?: string | BytesLike | null) {
      const direct = this[DIRECT];
      const its = brief(mechanism);
      if (digest === undefined && pin === undefined && short(data) && isBrief(its)) {
        const result = isFlat(its)
          ? direct.sign(session, data, key, ...its)
          : direct.sign(session, data, key, its);
        if (result !== undefined) return typeof result === 'number' ? takeResult(result) : result;
      }
      return native.signSync.call(this, session, its as RawMechanism, key, data, digest, pin);
    },
    verifySync(session, mechanism, key, data, signature, digest?: RawDigest) {
      const direct = this[DIRECT];
      const its = brief(mechanism);
      if (digest === undefined && short(data) && short(signature) && isBrief(its)) {
        const valid = isFlat(its)
          ? direct.verify(session, data, signature, key, ...its)
          : direct.verify(session, data, signature, key, its);
        if (valid !== undefined) return valid;
      }
      return native.verifySync.call(this, session, its as RawMechanism, key, data, signature, digest);
    },
    encryptSync(session, mechanism, key, data) {
      const direct = this[DIRECT];
      const its = brief(mechanism);
      if (data instanceof Uint8Array && data.byteLength <= LONGEST_TO_ENCRYPT && isBrief(its)) {
        const result = isFlat(its)
          ? direct.encrypt(session, data, key, ...its)
          : direct.encrypt(session, data, key, its);
        if (result !== undefined) return typeof result === 'number' ? takeResult(result) : result;
      }
      return native.encryptSync.call(this, session, its as RawMechanism, key, data);
    },
    sessionState(session) {
      return this[DIRECT].sessionState(session);
    },
    sessionSerial(session) {
      return this[DIRECT].sessionSerial(session);
    },
    loginEpoch(slot) {
      return this[DIRECT].loginEpoch(slot);
    },
    loggedIn(slot) {
      return this[DIRECT].loggedIn(slot);
    },
    C_GetSessionInfoSync(session) {
      if (this[DIRECT].sessionInfo(session) === undefined)
        return native.C_GetSessionInfoSync.call(this, session);
      return takeSessionInfo();
    },
    C_GenerateRandomSync(session, length) {
      const direct = this[DIRECT];
      if (typeof length === 'number' && Number.isInteger(length) && length > 0 && length <= LONGEST_RANDOM) {
        const result = direct.random(session, length);
        if (result !== undefined) return typeof result === 'number' ? takeSecret(result) : result;
      }
      return native.C_GenerateRandomSync.call(this, session, length);
    },
  };
}

type Method = (this: unknown, session: unknown, mechanism: unknown, ...more: unknown[]) => unknown;

/** Operations that need no more than a brief mechanism. */
const BRIEF = {
  ...{ sign: brief, verify: brief, digest: brief, encrypt: brief, decrypt: brief, decryptSync: brief },
  ...{ signMany: brief, verifyMany: brief, digestMany: brief, encryptMany: briefAll, decryptMany: briefAll },
  ...{ signManySync: brief, verifyManySync: brief, digestManySync: brief },
  ...{ encryptManySync: briefAll, decryptManySync: briefAll },
};

function briefly(native: Native): Record<string, Method> {
  const methods: Record<string, Method> = {};
  for (const [name, shorten] of Object.entries(BRIEF)) {
    const method = native[name as keyof typeof BRIEF] as Method;
    const isAsync = !name.endsWith('Sync');
    // As many parameters as one of them can have: gathering them in an array would take longer.
    methods[name] = function (session, mechanism, a, b, c, d, e, f) {
      let its: unknown;
      try {
        its = shorten(mechanism as RawMechanism);
      } catch (error) {
        if (isAsync) return Promise.reject(error);
        throw error;
      }
      return method.call(this, session, its, a, b, c, d, e, f);
    };
  }
  return methods;
}

/** By the prototype of the native class, of which there is one per environment. */
const prototypes = new WeakMap<object, object>();

/** The same module, with shortcuts. */
export function direct(raw: RawModule): RawModule {
  const native = Object.getPrototypeOf(raw) as Native;
  let prototype = prototypes.get(native);
  if (prototype === undefined) {
    const own = { ...briefly(native), ...shortcuts(native), [REALM]: realmFunctions };
    prototype = Object.create(native, Object.getOwnPropertyDescriptors(own)) as object;
    prototypes.set(native, prototype);
  }
  const functions = (raw as Native).syncFastPath();
  Object.defineProperty(raw, DIRECT, { value: functions });
  return Object.setPrototypeOf(raw, prototype) as RawModule;
}
