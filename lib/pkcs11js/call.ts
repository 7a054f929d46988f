import type { RawModule } from '../raw';
import {
  bytesOf,
  readBytes,
  readCallback,
  readHandle,
  readLabel,
  readNumber,
  readPin,
  readString,
  wrongCount,
  wrongType,
} from './arguments';
import { returned, toError } from './errors';
import type { Library } from './library';
import { type MechanismArgument, readMechanism } from './mechanism';
import { head } from './results';
import { readTemplate } from './template';

/**
 * A function of PKCS#11 as data: the roles of its arguments and the conversion of its result. A call reads and checks the
 * arguments, makes the call of the same name in cryptoki/raw, and converts its result or error.
 */

/** The role of an argument. */
export type Role =
  | 'session'
  | 'slot'
  | 'object'
  | 'number'
  | 'bytes'
  | 'output'
  | 'pin'
  | 'string'
  | 'label'
  | 'mechanism'
  | 'template'
  | 'parameter';

/** A function. */
export interface Row {
  readonly roles: readonly Role[];
  /**
   * Converts the result of cryptoki/raw. Not called if the result is bytes for an output: then the result is the part of the
   * caller's buffer that they fill.
   */
  readonly result: (value: never, call: Call) => unknown;
  /** True if the function has forms with a callback and with a promise. */
  readonly isAsync: boolean;
  /** True if the error for a wrong number of arguments names the number; false if it names the first missing argument. */
  readonly isCounted: boolean;
}

/** A call whose arguments have been read. */
export interface Call {
  readonly library: Library;
  readonly method: string;
  readonly row: Row;
  /** Arguments for cryptoki/raw. */
  readonly raw: unknown[];
  readonly session: bigint;
  readonly input: readonly ArrayBufferView[];
  readonly output: ArrayBufferView | undefined;
  readonly mechanism: MechanismArgument | undefined;
}

/** The result of functions that have none, or only an output. */
export const nothing: Row['result'] = () => undefined;

function readParameter(value: unknown, index: number): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object') throw wrongType(index, 'Should be an Object or Buffer');
  return value;
}

const READERS: Readonly<
  Record<Exclude<Role, 'mechanism' | 'output'>, (value: unknown, index: number) => unknown>
> = {
  session: readHandle,
  slot: readHandle,
  object: readHandle,
  number: readNumber,
  bytes: (value, index) => bytesOf(readBytes(value, index)),
  pin: readPin,
  string: readString,
  label: readLabel,
  template: readTemplate,
  parameter: readParameter,
};

/** Reads the arguments of a call. @throws TypeError, RangeError */
export function readCall(library: Library, method: string, row: Row, values: readonly unknown[]): Call {
  const raw: unknown[] = [];
  const input: ArrayBufferView[] = [];
  let output: ArrayBufferView | undefined;
  let mechanism: MechanismArgument | undefined;
  for (let index = 0; index < row.roles.length; index += 1) {
    const role = row.roles[index] as Role;
    const value = values[index];
    if (role === 'output') {
      output = readBytes(value, index);
    } else if (role === 'mechanism') {
      mechanism = readMechanism(value, index);
      raw.push(mechanism.raw);
    } else {
      raw.push(READERS[role](value, index));
      if (role === 'bytes') input.push(value as ArrayBufferView);
    }
  }
  const session = row.roles[0] === 'session' ? (raw[0] as bigint) : 0n;
  return { library, method, row, raw, session, input, output, mechanism };
}

/** Returns the result of a call that needs no call of the module: a kept one, or none for an output without room. */
function resultWithoutCall({
  library,
  method,
  row,
  session,
  input,
  output,
}: Call): ArrayBufferView | undefined {
  const kept = library.results.take(session, method, input);
  if (output === undefined) return undefined;
  if (kept !== undefined) return library.results.deliver(session, method, input, kept, output);
  if (output.byteLength > 0 || row.result !== nothing) return undefined;
  // In C an output without room is a query of the size, which programs cannot see here. The operation does not change.
  if (library.raw.sessionState(session) === undefined) throw returned('SESSION_HANDLE_INVALID', method);
  return head(output, 0);
}

function finish(call: Call, value: unknown): unknown {
  const { library, method, row, session, input, output, mechanism } = call;
  mechanism?.copyOutputs();
  if (output !== undefined && Buffer.isBuffer(value)) {
    return library.results.deliver(session, method, input, value, output);
  }
  return row.result(value as never, call);
}

type Method = (this: RawModule, ...values: unknown[]) => unknown;

const methodOf = (raw: RawModule, name: string): Method => raw[name as keyof RawModule] as unknown as Method;

/** Makes the call and blocks the calling thread. */
function callSync(call: Call, nameSync: string): unknown {
  try {
    const result = resultWithoutCall(call);
    if (result !== undefined) return result;
    const { raw } = call.library;
    return finish(call, methodOf(raw, nameSync).apply(raw, call.raw));
  } catch (error) {
    throw toError(error, call.method);
  }
}

/** Makes the call on a native thread. */
async function callAsync(call: Call): Promise<unknown> {
  try {
    const result = resultWithoutCall(call);
    if (result !== undefined) return result;
    const { raw } = call.library;
    return finish(call, await methodOf(raw, call.method).apply(raw, call.raw));
  } catch (error) {
    throw toError(error, call.method);
  }
}

/** Makes the call on a native thread. Calls back outside the promise: an error of the callback is an uncaught exception. */
function callBack(call: Call, callback: (error: unknown, result: unknown) => void): void {
  callAsync(call).then(
    (result) => process.nextTick(callback, null, result),
    (error: unknown) => process.nextTick(callback, error, null),
  );
}

/** Returns the library of an object. @throws NativeError if none is loaded */
export type LibraryOf = () => Library;

/** Makes the method `X`, which has an additional argument for a callback if the function has such a form. */
export function makeMethod(libraryOf: LibraryOf, name: string, row: Row): (...values: unknown[]) => unknown {
  const count = row.roles.length;
  const nameSync = `${name}Sync`;
  return (...values) => {
    const library = libraryOf();
    const hasCallback = row.isAsync && values.length > count;
    const expected = count + (hasCallback ? 1 : 0);
    if (row.isCounted && values.length !== expected) throw wrongCount(expected, values.length);
    const call = readCall(library, name, row, values);
    if (!hasCallback) return callSync(call, nameSync);
    callBack(call, readCallback(values[count], count));
    return undefined;
  };
}

/** Makes the method `XCallback`, whose callback is not optional. */
export function makeCallbackMethod(
  libraryOf: LibraryOf,
  name: string,
  row: Row,
): (...values: unknown[]) => undefined {
  const count = row.roles.length;
  return (...values) => {
    const library = libraryOf();
    if (values.length !== count + 1) throw wrongCount(count + 1, values.length);
    const call = readCall(library, name, row, values);
    callBack(call, readCallback(values[count], count));
  };
}

/** Makes the method `XAsync`, which returns a promise. The promise also rejects for wrong arguments. */
export function makeAsyncMethod(
  libraryOf: LibraryOf,
  name: string,
  row: Row,
): (...values: unknown[]) => Promise<unknown> {
  const count = row.roles.length;
  return async (...values) => {
    const library = libraryOf();
    // The number includes the callback, which the promise replaces.
    if (values.length !== count) throw wrongCount(count + 1, values.length + 1);
    return callAsync(readCall(library, name, row, values));
  };
}
