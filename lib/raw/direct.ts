/**
 * The short way of synchronous operations: on a free session the native code needs
 * no job and makes no buffer. Results are cut from a piece of memory that is filled from one end, as Node's own small
 * buffers are.
 */
import type { RawModule } from './index';
import type { BytesLike, RawDigest, RawMechanism } from './types';

/** The native methods; undefined where the general way must be taken. They throw what the module returns. */
interface Direct {
  digestDirect(
    session: bigint,
    mechanism: number | RawMechanism,
    data: Uint8Array,
    offset: number,
  ): number | undefined;
  signDirect(
    session: bigint,
    mechanism: number | RawMechanism,
    key: bigint,
    data: Uint8Array,
    offset: number,
  ): number | undefined;
  encryptDirect: Direct['signDirect'];
  verifyDirect(
    session: bigint,
    mechanism: number | RawMechanism,
    key: bigint,
    data: Uint8Array,
    signature: Uint8Array,
  ): boolean | undefined;
  randomDirect(session: bigint, length: number, offset: number): number | undefined;
  /** True: slot, state, flags and device error are at the beginning of the memory. */
  sessionInfoDirect(session: bigint): true | undefined;
  /** Where results are written, at an offset. */
  setDirectMemory(memory: Buffer): void;
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
function take(native: Direct, length: number): Buffer {
  const result = memory.subarray(used, used + length);
  used = (used + length + 7) & ~7;
  if (SIZE - used < LARGEST) renew(native);
  return result;
}

function renew(native: Direct): void {
  memory = Buffer.allocUnsafeSlow(SIZE);
  used = FIRST;
  handles = new BigUint64Array(memory.buffer, 0, 1);
  numbers = new Float64Array(memory.buffer, 0, 4);
  native.setDirectMemory(memory);
}

/** A mechanism as the native methods take it: its number where it has no parameter. */
function brief(mechanism: RawMechanism): number | RawMechanism {
  if (typeof mechanism !== 'object' || mechanism === null) return mechanism; // the native method refuses it
  const { mechanism: type, parameter } = mechanism;
  return parameter === undefined && typeof type === 'number' && type >= 0 ? type : mechanism;
}

function short(data: BytesLike): data is Uint8Array {
  return data instanceof Uint8Array && data.byteLength <= LONGEST;
}

type Native = RawModule & Direct;

/** What a native prototype gets in front of it. */
function shortcuts(native: Native): Partial<RawModule> & ThisType<Native> {
  return {
    digestSync(session, mechanism, data) {
      if (short(data)) {
        const length = this.digestDirect(session, brief(mechanism), data, used);
        if (length !== undefined) return take(this, length);
      }
      return native.digestSync.call(this, session, mechanism, data);
    },
    signSync(session, mechanism, key, data, digest?: RawDigest, pin?: string | BytesLike | null) {
      if (digest === undefined && pin === undefined && short(data)) {
        const length = this.signDirect(session, brief(mechanism), key, data, used);
        if (length !== undefined) return take(this, length);
      }
      return native.signSync.call(this, session, mechanism, key, data, digest, pin);
    },
    verifySync(session, mechanism, key, data, signature, digest?: RawDigest) {
      if (digest === undefined && short(data) && short(signature)) {
        const valid = this.verifyDirect(session, brief(mechanism), key, data, signature);
        if (valid !== undefined) return valid;
      }
      return native.verifySync.call(this, session, mechanism, key, data, signature, digest);
    },
    encryptSync(session, mechanism, key, data) {
      if (data instanceof Uint8Array && data.byteLength <= LARGEST - OVERHEAD) {
        const length = this.encryptDirect(session, brief(mechanism), key, data, used);
        if (length !== undefined) return take(this, length);
      }
      return native.encryptSync.call(this, session, mechanism, key, data);
    },
    C_GetSessionInfoSync(session) {
      if (this.sessionInfoDirect(session) === undefined)
        return native.C_GetSessionInfoSync.call(this, session);
      return {
        slotID: handles[0] as bigint,
        state: numbers[1] as number,
        flags: numbers[2] as number,
        deviceError: numbers[3] as number,
      };
    },
    C_GenerateRandomSync(session, length) {
      if (typeof length === 'number' && Number.isInteger(length) && length > 0 && length <= LARGEST) {
        const made = this.randomDirect(session, length, used);
        if (made !== undefined) return take(this, made);
      }
      return native.C_GenerateRandomSync.call(this, session, length);
    },
  };
}

/** By the prototype of the native class, of which there is one per environment. */
const prototypes = new WeakMap<object, object>();

/** The same module, with shortcuts. */
export function direct(raw: RawModule): RawModule {
  const native = Object.getPrototypeOf(raw) as Native;
  let prototype = prototypes.get(native);
  if (prototype === undefined) {
    prototype = Object.create(native, Object.getOwnPropertyDescriptors(shortcuts(native))) as object;
    prototypes.set(native, prototype);
  }
  if (memory.length === 0) renew(raw as Native);
  return Object.setPrototypeOf(raw, prototype) as RawModule;
}
