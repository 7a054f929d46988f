/**
 * The fast path of synchronous operations: on a free session native code needs no job. Short results are copied from memory
 * that native code and JavaScript share (short-results.ts).
 */

import { realmFunctions } from './addon';
import { flatten, flattenAll, isFlat, isValueArray } from './flat-mechanism';
import type { RawDigest } from './operations';
import type { RawModule } from './raw-module';
import { takeResult, takeSecret, takeSessionInfo } from './short-results';
import type { BytesLike, RawMechanism } from './values';

/** The length of a result in the shared memory; a Buffer; or undefined if the call must take the general way. */
type FastResult = number | Buffer | undefined;

/**
 * Native functions. They throw the errors of the module. A mechanism is passed in the form that flatten() returns, the elements of
 * an array one by one.
 */
interface FastFunctions {
  digest(session: bigint, data: Uint8Array, ...mechanism: readonly unknown[]): FastResult;
  sign(session: bigint, data: Uint8Array, key: bigint, ...mechanism: readonly unknown[]): FastResult;
  encrypt: FastFunctions['sign'];
  verify(
    session: bigint,
    data: Uint8Array,
    signature: Uint8Array,
    key: bigint,
    ...mechanism: readonly unknown[]
  ): boolean | undefined;
  random(session: bigint, length: number): FastResult;
  /** True: takeSessionInfo() returns the result; undefined: the call must take the general way. */
  sessionInfo(session: bigint): true | undefined;
  sessionState: RawModule['sessionState'];
  sessionSerial: RawModule['sessionSerial'];
  loginEpoch: RawModule['loginEpoch'];
  loggedIn: RawModule['loggedIn'];
}

/** The limit of random bytes. */
const MAX_RANDOM_BYTES = 5119;
/** The limit of messages to encrypt, because the result has the same length. */
const MAX_ENCRYPT_BYTES = 4096;
/** The limit of other messages: the cost of a job is small in comparison with the time of a longer one. */
const MAX_MESSAGE_BYTES = 64 * 1024;

function isShort(data: BytesLike): data is Uint8Array {
  return data instanceof Uint8Array && data.byteLength <= MAX_MESSAGE_BYTES;
}

/** The property with the functions that native code holds weakly. */
const REALM = Symbol('realm');
/** The property with the native functions of a module. */
const FAST = Symbol('fast');

type Native = RawModule & { syncFastPath(): FastFunctions; readonly [FAST]: FastFunctions };

/** Returns the methods that replace those of the native prototype. */
function fastMethods(native: Native): Partial<RawModule> & ThisType<Native> {
  return {
    digestSync(session, mechanism, data) {
      const fast = this[FAST];
      const flat = flatten(mechanism);
      if (isShort(data) && isFlat(flat)) {
        const result = isValueArray(flat)
          ? fast.digest(session, data, ...flat)
          : fast.digest(session, data, flat);
        if (result !== undefined) return typeof result === 'number' ? takeResult(result) : result;
      }
      return native.digestSync.call(this, session, flat as RawMechanism, data);
    },
    signSync(session, mechanism, key, data, digest?: RawDigest, pin?: string | BytesLike | null) {
      const fast = this[FAST];
      const flat = flatten(mechanism);
      if (digest === undefined && pin === undefined && isShort(data) && isFlat(flat)) {
        const result = isValueArray(flat)
          ? fast.sign(session, data, key, ...flat)
          : fast.sign(session, data, key, flat);
        if (result !== undefined) return typeof result === 'number' ? takeResult(result) : result;
      }
      return native.signSync.call(this, session, flat as RawMechanism, key, data, digest, pin);
    },
    verifySync(session, mechanism, key, data, signature, digest?: RawDigest) {
      const fast = this[FAST];
      const flat = flatten(mechanism);
      if (digest === undefined && isShort(data) && isShort(signature) && isFlat(flat)) {
        const valid = isValueArray(flat)
          ? fast.verify(session, data, signature, key, ...flat)
          : fast.verify(session, data, signature, key, flat);
        if (valid !== undefined) return valid;
      }
      return native.verifySync.call(this, session, flat as RawMechanism, key, data, signature, digest);
    },
    encryptSync(session, mechanism, key, data) {
      const fast = this[FAST];
      const flat = flatten(mechanism);
      if (data instanceof Uint8Array && data.byteLength <= MAX_ENCRYPT_BYTES && isFlat(flat)) {
        const result = isValueArray(flat)
          ? fast.encrypt(session, data, key, ...flat)
          : fast.encrypt(session, data, key, flat);
        if (result !== undefined) return typeof result === 'number' ? takeResult(result) : result;
      }
      return native.encryptSync.call(this, session, flat as RawMechanism, key, data);
    },
    sessionState(session) {
      return this[FAST].sessionState(session);
    },
    sessionSerial(session) {
      return this[FAST].sessionSerial(session);
    },
    loginEpoch(slot) {
      return this[FAST].loginEpoch(slot);
    },
    loggedIn(slot) {
      return this[FAST].loggedIn(slot);
    },
    C_GetSessionInfoSync(session) {
      if (this[FAST].sessionInfo(session) === undefined)
        return native.C_GetSessionInfoSync.call(this, session);
      return takeSessionInfo();
    },
    C_GenerateRandomSync(session, length) {
      const fast = this[FAST];
      if (
        typeof length === 'number' &&
        Number.isInteger(length) &&
        length > 0 &&
        length <= MAX_RANDOM_BYTES
      ) {
        const result = fast.random(session, length);
        if (result !== undefined) return typeof result === 'number' ? takeSecret(result) : result;
      }
      return native.C_GenerateRandomSync.call(this, session, length);
    },
  };
}

type Method = (this: unknown, session: unknown, mechanism: unknown, ...more: unknown[]) => unknown;

/** Operations that only convert the mechanism, with the function that does it. */
const CONVERSIONS = {
  ...{
    sign: flatten,
    verify: flatten,
    digest: flatten,
    encrypt: flatten,
    decrypt: flatten,
    decryptSync: flatten,
  },
  ...{
    signMany: flatten,
    verifyMany: flatten,
    digestMany: flatten,
    encryptMany: flattenAll,
    decryptMany: flattenAll,
  },
  ...{ signManySync: flatten, verifyManySync: flatten, digestManySync: flatten },
  ...{ encryptManySync: flattenAll, decryptManySync: flattenAll },
};

function convertingMethods(native: Native): Record<string, Method> {
  const methods: Record<string, Method> = {};
  for (const [name, convert] of Object.entries(CONVERSIONS)) {
    const method = native[name as keyof typeof CONVERSIONS] as Method;
    const isAsync = !name.endsWith('Sync');
    // The most parameters that an operation can have: a rest parameter would take longer.
    methods[name] = function (session, mechanism, a, b, c, d, e, f) {
      let flat: unknown;
      try {
        flat = convert(mechanism as RawMechanism);
      } catch (error) {
        if (isAsync) return Promise.reject(error);
        throw error;
      }
      return method.call(this, session, flat, a, b, c, d, e, f);
    };
  }
  return methods;
}

/** Prototypes by the prototype of the native class, of which each environment has one. */
const prototypes = new WeakMap<object, object>();

/** Puts the fast path in front of the methods of a module. @returns the same module */
export function withFastPath(raw: RawModule): RawModule {
  const native = Object.getPrototypeOf(raw) as Native;
  let prototype = prototypes.get(native);
  if (prototype === undefined) {
    const members = { ...convertingMethods(native), ...fastMethods(native), [REALM]: realmFunctions };
    prototype = Object.create(native, Object.getOwnPropertyDescriptors(members)) as object;
    prototypes.set(native, prototype);
  }
  const functions = (raw as Native).syncFastPath();
  Object.defineProperty(raw, FAST, { value: functions });
  return Object.setPrototypeOf(raw, prototype) as RawModule;
}
