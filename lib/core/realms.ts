/**
 * Tests of values that hold in every realm of JavaScript. jest, vitest's vm pools and node:vm run programs, and this package, in
 * realms with an Error, a Promise and a Uint8Array of their own, while Node and native code make those of the main realm.
 * `instanceof` is false for a value of another realm.
 */
import { types } from 'node:util';
import { runInThisContext } from 'node:vm';

/**
 * The process itself. jest gives its realms a copy of it: a variable that is set there is not in the environment of the process,
 * and its event 'exit' is never emitted.
 */
export const mainProcess: NodeJS.Process =
  runInThisContext("typeof process === 'object' ? process : undefined") ?? process;

/** True for a promise of any realm. */
export const isPromise: (value: unknown) => value is Promise<unknown> = types.isPromise;

/** True for an ArrayBuffer of any realm, false for a SharedArrayBuffer. */
export const isArrayBuffer: (value: unknown) => value is ArrayBuffer = types.isArrayBuffer;

/** True for a DataView of any realm. */
export const isDataView: (value: unknown) => value is DataView = types.isDataView;

/** True for a Date of any realm. */
export const isDate: (value: unknown) => value is Date = types.isDate;

/** True for an Error of any realm, and for objects that inherit from this realm's. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/** True for an AbortSignal of any realm, and for one that a library (jsdom) brings along. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    [typeof aborted, typeof addEventListener, typeof removeEventListener].join() ===
    'boolean,function,function'
  );
}

/**
 * Gives a class a name that all copies of the package know in all realms: `instanceof` then holds for an error of another
 * copy too (jest.resetModules() loads one, and so does a dependency that brings its own). Classes that extend the class keep
 * the `instanceof` of JavaScript.
 * @param base the class
 * @param name its name, the same in each version
 */
export function brand(base: { readonly prototype: object }, name: string): void {
  const mark = Symbol.for(`cryptoki.${name}`);
  Object.defineProperty(base.prototype, mark, { value: true });
  Object.defineProperty(base, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== base) return Function.prototype[Symbol.hasInstance].call(this, value);
      return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[mark] === true;
    },
  });
}

/**
 * Symbol.asyncDispose and Symbol.dispose. In realms other than the main one Node 20 and 22 lack them; the code that
 * compilers make of `await using` then looks for symbols of these names.
 */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
export const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
