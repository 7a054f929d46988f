/**
 * The short way of synchronous operations: on a free session the native code needs
 * no job and makes no buffer. Results are cut from a piece of memory that is filled from one end, as Node's own small
 * buffers are; those of asynchronous operations, too.
 */
import { brief, briefAll, isBrief, isFlat } from './brief';
import type { RawModule } from './index';
import type { BytesLike, RawDigest, RawMechanism } from './types';

/**
 * Native functions; undefined where the general way must be taken. They throw what the module returns. A mechanism is given as
 * brief() makes it, the elements of an array one by one.
 */
interface Direct {
  digest(
    session: bigint,
    data: Uint8Array,
    offset: number,
    ...mechanism: readonly unknown[]
  ): number | undefined;
  sign(
    session: bigint,
    data: Uint8Array,
    offset: number,
    key: bigint,
    ...mechanism: readonly unknown[]
  ): number | undefined;
  encrypt: Direct['sign'];
  verify(
    session: bigint,
    data: Uint8Array,
    signature: Uint8Array,
    key: bigint,
    ...mechanism: readonly unknown[]
  ): boolean | undefined;
  random(session: bigint, length: number, offset: number): number | undefined;
  /** True: slot, state, flags and device error are at the beginning of the memory. */
  sessionInfo(session: bigint): true | undefined;
  sessionState: RawModule['sessionState'];
  sessionSerial: RawModule['sessionSerial'];
  loginEpoch: RawModule['loginEpoch'];
  loggedIn: RawModule['loggedIn'];
  /** Where results are written, at an offset. */
  setMemory(memory: Buffer): void;
  /** What gives the native code Buffers for the results of asynchronous operations. */
  setPlace(place: (length: number) => Buffer): void;
}

/** Enough for any signature but the largest ones after quantum computers. */
const LARGEST = 5120;
const SIZE = 4 * LARGEST;
/** By so much a ciphertext may be longer than its message: an RSA block, a tag, padding. */
const OVERHEAD = 1024;
/** Messages of some length are worth a copy, and a thread of their own. */
const LONGEST = 64 * 1024;

/** The beginning of the memory is for numbers. */
const FIRST = 32;

let memory = Buffer.alloc(0);
let used = FIRST;
let handles = new BigUint64Array(1);
let numbers = new Float64Array(4);

/** Takes what was written behind `used`. */
function take(direct: Direct, length: number): Buffer {
  const result = memory.subarray(used, used + length);
  used = (used + length + 7) & ~7;
  if (SIZE - used < LARGEST) renew(direct);
  return result;
}

function renew(direct: Direct): void {
  memory = Buffer.allocUnsafeSlow(SIZE);
  used = FIRST;
  handles = new BigUint64Array(memory.buffer, 0, 1);
  numbers = new Float64Array(memory.buffer, 0, 4);
  direct.setMemory(memory);
}

function short(data: BytesLike): data is Uint8Array {
  return data instanceof Uint8Array && data.byteLength <= LONGEST;
}

/** Where a raw module has its direct functions. */
const DIRECT = Symbol('direct');

type Native = RawModule & { directFunctions(): Direct; readonly [DIRECT]: Direct };

/** What a native prototype gets in front of it. */
function shortcuts(native: Native): Partial<RawModule> & ThisType<Native> {
  return {
    digestSync(session, mechanism, data) {
      const direct = this[DIRECT];
      const its = brief(mechanism);
      if (short(data) && isBrief(its)) {
        const length = isFlat(its)
          ? direct.digest(session, data, used, ...its)
          : direct.digest(session, data, used, its);
        if (length !== undefined) return take(direct, length);
      }
      return native.digestSync.call(this, session, its as RawMechanism, data);
    },
    signSync(session, mechanism, key, data, digest?: RawDigest, pin?: string | BytesLike | null) {
      const direct = this[DIRECT];
      const its = brief(mechanism);
      if (digest === undefined && pin === undefined && short(data) && isBrief(its)) {
        const length = isFlat(its)
          ? direct.sign(session, data, used, key, ...its)
          : direct.sign(session, data, used, key, its);
        if (length !== undefined) return take(direct, length);
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
      if (data instanceof Uint8Array && data.byteLength <= LARGEST - OVERHEAD && isBrief(its)) {
        const length = isFlat(its)
          ? direct.encrypt(session, data, used, key, ...its)
          : direct.encrypt(session, data, used, key, its);
        if (length !== undefined) return take(direct, length);
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
      return {
        slotID: handles[0] as bigint,
        state: numbers[1] as number,
        flags: numbers[2] as number,
        deviceError: numbers[3] as number,
      };
    },
    C_GenerateRandomSync(session, length) {
      const direct = this[DIRECT];
      if (typeof length === 'number' && Number.isInteger(length) && length > 0 && length <= LARGEST) {
        const made = direct.random(session, length, used);
        if (made !== undefined) return take(direct, made);
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
    const own = { ...briefly(native), ...shortcuts(native) };
    prototype = Object.create(native, Object.getOwnPropertyDescriptors(own)) as object;
    prototypes.set(native, prototype);
  }
  const functions = (raw as Native).directFunctions();
  if (memory.length === 0) {
    renew(functions);
    functions.setPlace((length) => take(functions, length)); // shorter than what is always left
  }
  Object.defineProperty(raw, DIRECT, { value: functions });
  return Object.setPrototypeOf(raw, prototype) as RawModule;
}
