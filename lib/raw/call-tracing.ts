/**
 * Tracing of calls: while the diagnostics channel 'cryptoki:call' has subscribers, each call of PKCS#11 by a raw module is
 * published on it with its outcome. Without subscribers the cost is one check of the channel.
 */
import { channel } from 'node:diagnostics_channel';
import { CryptokiError } from '../core/errors';
import { isPromise } from '../core/realms';
import type { RawModule } from './raw-module';

/** The message of `cryptoki:call`: a call that has ended. Of arguments and results it contains handles only. */
export interface CallTrace {
  /** The method: a C function ('C_GetTokenInfo', also for its Sync form), or an operation that calls several functions ('sign'). */
  readonly function: string;
  /** Path from which the module was loaded. */
  readonly module: string;
  /** CK_SLOT_ID, of functions that take one. */
  readonly slot?: bigint | undefined;
  /** CK_SESSION_HANDLE, of functions that take one. */
  readonly session?: bigint | undefined;
  /** Time from the call until JavaScript received its outcome, in milliseconds, with the wait for the session. */
  readonly duration: number;
  /** 'CKR_OK', or the name of the CK_RV; for an operation, that of the function that ended it. */
  readonly rv: string;
}

const calls = channel('cryptoki:call');

/** Operations that call several functions; see RawOperations. */
const OPERATION =
  /^((sign|verify)(Recover)?|digest(Key)?|encrypt|decrypt|deriveValue|findObjects|openSession|endOperations)(Sync)?$/;

const BY_SLOT = new Set([
  ...['C_GetSlotInfo', 'C_GetTokenInfo', 'C_GetMechanismList', 'C_GetMechanismInfo'],
  ...['C_InitToken', 'C_OpenSession', 'C_CloseAllSessions'],
]);

type Method = (this: RawModule, ...parameters: unknown[]) => unknown;

function publish(
  name: string,
  module: string,
  handle: unknown,
  startTime: number,
  outcome: { result?: unknown; error?: unknown },
): void {
  const { result, error } = outcome;
  // An error without a CK_RV means wrong arguments, without a call. (The error for a closed session has the CK_RV of the module.)
  if (error !== undefined && !(error instanceof CryptokiError && error.rv !== undefined)) return;
  const errorCode = error instanceof CryptokiError ? error.code : undefined;
  const message: CallTrace = {
    function: name,
    module,
    // The model passes RawSession.name, whose lower 64 bits are the handle.
    ...(typeof handle === 'bigint' && {
      [BY_SLOT.has(name) ? 'slot' : 'session']: BigInt.asUintN(64, handle),
    }),
    duration: performance.now() - startTime,
    rv: errorCode ?? (name === 'verify' && result === false ? 'CKR_SIGNATURE_INVALID' : 'CKR_OK'),
  };
  calls.publish(message);
}

function wrap(methodName: string, method: Method): Method {
  const plain = methodName.replace(/Sync$/, '');
  const name = plain === 'openSession' ? 'C_OpenSession' : plain;
  // The most parameters that a method can have: a rest parameter would take longer than everything else here.
  return function (first, b, c, d, e, f, g, h) {
    if (!calls.hasSubscribers) return method.call(this, first, b, c, d, e, f, g, h);
    const startTime = performance.now();
    const report = (outcome: { result?: unknown; error?: unknown }): void =>
      publish(name, paths.get(this) ?? '', first, startTime, outcome);
    let result: unknown;
    try {
      result = method.call(this, first, b, c, d, e, f, g, h);
    } catch (error) {
      report({ error });
      throw error;
    }
    if (isPromise(result)) {
      result.then(
        (value) => report({ result: value }),
        (error) => report({ error }),
      );
    } else {
      report({ result });
    }
    return result;
  };
}

const paths = new WeakMap<RawModule, string>();
/** Traced prototypes by the prototype of the native class, of which each environment has one. */
const prototypes = new WeakMap<object, object>();

/** Returns the names of the methods of the native class, and of the prototype before it (sync-fast-path.ts). */
function methodNames(prototype: object): Set<string> {
  const names = new Set<string>();
  // Ends at Object.prototype of any realm, which has no prototype.
  for (let level = prototype; ; ) {
    const next = Object.getPrototypeOf(level) as object | null;
    if (next === null) break;
    for (const name of Object.getOwnPropertyNames(level)) names.add(name);
    level = next;
  }
  return names;
}

function tracedPrototype(native: object): object {
  const known = prototypes.get(native);
  if (known !== undefined) return known;
  const traced: object = Object.create(native);
  for (const name of methodNames(native)) {
    if (!name.startsWith('C_') && !OPERATION.test(name)) continue;
    const method = (native as Record<string, Method>)[name] as Method;
    Object.defineProperty(traced, name, { value: wrap(name, method) });
  }
  prototypes.set(native, traced);
  return traced;
}

/** Makes the calls of a module traceable. @returns the same module */
export function traceable(raw: RawModule, path: string): RawModule {
  paths.set(raw, path);
  return Object.setPrototypeOf(raw, tracedPrototype(Object.getPrototypeOf(raw))) as RawModule;
}
