/**
 * Type checks that work in every realm of JavaScript. jest, vitest's vm pools and node:vm run programs, and this package, in
 * realms with an Error, a Promise and a Uint8Array of their own, while Node and native code create those of the main realm.
 * `instanceof` is false for a value of another realm.
 */
import { types } from 'node:util';
import { runInThisContext } from 'node:vm';

/**
 * The process object of the main realm. jest gives its realms a copy: a variable that is set there is not in the environment of
 * the process, and the copy never emits 'exit'.
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

/** True for an Error of any realm, and for objects that inherit from the Error of this realm. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/** True for an AbortSignal of any realm, and for one that a library (jsdom) implements. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    [typeof aborted, typeof addEventListener, typeof removeEventListener].join() ===
    'boolean,function,function'
  );
}

/**
 * Marks a class with a name that is the same in all copies of the package and all realms. `instanceof` is then also true for an
 * instance of another copy (jest.resetModules() loads one, and so does a dependency with a copy of its own). Classes that extend
 * the class keep the `instanceof` of JavaScript.
 * @param name the same in each version of the package
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
 * Symbol.asyncDispose and Symbol.dispose. Realms other than the main one lack them in Node 20 and 22; the code that compilers
 * generate for `await using` then uses symbols with these names.
 */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
export const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
