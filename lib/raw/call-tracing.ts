/**
 * Tracing of calls: while somebody subscribes to the diagnostics channel 'cryptoki:call', each method of a raw module that
 * calls into PKCS#11 is told with what came of it. Without subscribers it costs a look at the channel.
 */
import { channel } from 'node:diagnostics_channel';
import { CryptokiError } from '../core/errors';
import { isPromise } from '../core/realms';
import type { RawModule } from './raw-module';

/** What `cryptoki:call` carries: a call that was made and has ended. Never an argument or a result but for handles. */
export interface CallTrace {
  /** The method: a C function ('C_GetTokenInfo', also for its Sync form), or an operation of several ('sign'). */
  readonly function: string;
  /** Path of the module, as it was loaded. */
  readonly module: string;
  /** CK_SLOT_ID, of functions that take one. */
  readonly slot?: bigint | undefined;
  /** CK_SESSION_HANDLE, of functions that take one. */
  readonly session?: bigint | undefined;
  /** From the call until its outcome was there for JavaScript, in milliseconds: waiting for the session counts. */
  readonly duration: number;
  /** 'CKR_OK', or the name of the CK_RV; of an operation, that of the function that ended it. */
  readonly rv: string;
}

const calls = channel('cryptoki:call');

/** Operations of several functions; see RawOperations. */
const OPERATION = /^(sign|verify|digest|encrypt|decrypt|findObjects|openSession|endOperations)(Sync)?$/;

const BY_SLOT = new Set([
  ...['C_GetSlotInfo', 'C_GetTokenInfo', 'C_GetMechanismList', 'C_GetMechanismInfo'],
  ...['C_InitToken', 'C_OpenSession', 'C_CloseAllSessions'],
]);

type Method = (this: RawModule, ...parameters: unknown[]) => unknown;

function publish(
  name: string,
  module: string,
  subject: unknown,
  begun: number,
  outcome: { result?: unknown; error?: unknown },
): void {
  const { result, error } = outcome;
  // Without a CK_RV no call was made: wrong arguments. (A session that is closed is refused in the module's name.)
  if (error !== undefined && !(error instanceof CryptokiError && error.rv !== undefined)) return;
  const failed = error instanceof CryptokiError ? error.code : undefined;
  const message: CallTrace = {
    function: name,
    module,
    // The model names a session by more than its handle (RawSession.name).
    ...(typeof subject === 'bigint' && {
      [BY_SLOT.has(name) ? 'slot' : 'session']: BigInt.asUintN(64, subject),
    }),
    duration: performance.now() - begun,
    rv: failed ?? (name === 'verify' && result === false ? 'CKR_SIGNATURE_INVALID' : 'CKR_OK'),
  };
  calls.publish(message);
}

function wrap(called: string, method: Method): Method {
  const plain = called.replace(/Sync$/, '');
  const name = plain === 'openSession' ? 'C_OpenSession' : plain;
  // As many parameters as a method can have: gathering them in an array would take longer than all the rest.
  return function (first, b, c, d, e, f, g, h) {
    if (!calls.hasSubscribers) return method.call(this, first, b, c, d, e, f, g, h);
    const begun = performance.now();
    const tell = (outcome: { result?: unknown; error?: unknown }): void =>
      publish(name, paths.get(this) ?? '', first, begun, outcome);
    let result: unknown;
    try {
      result = method.call(this, first, b, c, d, e, f, g, h);
    } catch (error) {
      tell({ error });
      throw error;
    }
    if (isPromise(result)) {
      result.then(
        (value) => tell({ result: value }),
        (error) => tell({ error }),
      );
    } else {
      tell({ result });
    }
    return result;
  };
}

const paths = new WeakMap<RawModule, string>();
/** By the prototype of the native class, of which there is one per environment. */
const prototypes = new WeakMap<object, object>();

/** The methods of the native class and of what stands before it (see direct.ts). */
function methodNames(prototype: object): Set<string> {
  const names = new Set<string>();
  // Up to Object.prototype, of whichever realm: there is nothing above that.
  for (let each = prototype; ; ) {
    const above = Object.getPrototypeOf(each) as object | null;
    if (above === null) break;
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
    each = above;
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

/** The same module; its calls can be traced. */
export function traceable(raw: RawModule, path: string): RawModule {
  paths.set(raw, path);
  return Object.setPrototypeOf(raw, tracedPrototype(Object.getPrototypeOf(raw))) as RawModule;
}
