/** Checks of arguments. Their errors are built in argument-errors. */

import { outOfRange, unknownName, wrongType, wrongValue } from './argument-errors';
import { isAbortSignal, isArrayBuffer } from './realms';

/**
 * Returns true for an object that a literal, JSON.parse or Object.create(null) creates, of any realm. Returns false for a Map,
 * a Date, a KeyObject or an instance of a class, because its content is not in its members.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  // True for Object.prototype of any realm: it has no prototype, and isPrototypeOf as its own member.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

/** Returns true for a Buffer, typed array, DataView or ArrayBuffer. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBuffer {
  return ArrayBuffer.isView(value) || isArrayBuffer(value);
}

/**
 * Checks that a value is bytes, and returns a view of them (not a copy).
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function bytesOf(value: unknown, name: string): Uint8Array {
  if (isBytes(value)) return viewOf(value);
  throw wrongType(name, 'bytes (a Buffer, typed array, DataView or ArrayBuffer)', value);
}

/** Returns a view of the bytes (not a copy). */
export function viewOf(bytes: ArrayBufferView | ArrayBuffer): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

/**
 * Checks that a value is a plain object and that all its options are known: a misspelt option must not be ignored, nor an
 * AbortSignal in the place of options.
 * @param subject the noun for the options, in the plural: 'the options of find'
 * @throws TypeError ERR_INVALID_ARG_TYPE; TypeError ERR_INVALID_ARG_VALUE, which names the option and the nearest known name
 */
export function requireOptions(value: unknown, subject: string, known: readonly string[]): void {
  requireOptionsObject(value, subject);
  for (const name of Object.keys(value as object)) {
    if (!known.includes(name)) throw unknownName('option', name, known, { place: ` in ${subject}` });
  }
}

/**
 * Checks that options are a plain object. The caller must check their names.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requireOptionsObject(value: unknown, subject: string): void {
  if (isPlainObject(value)) return;
  const hint = isAbortSignal(value) ? ' (pass an AbortSignal as { signal })' : '';
  throw wrongType(subject, `an object with the options as its members${hint}`, value);
}

/**
 * Checks that a signal is an AbortSignal or undefined.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requireSignal(value: unknown): void {
  if (value !== undefined && !isAbortSignal(value)) throw wrongType('signal', 'an AbortSignal', value);
}

/**
 * Checks that a value is an object, and neither null nor an array.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requireObject(value: unknown, name: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw wrongType(name, 'an object', value);
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function requireBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function requireString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
}

/**
 * Checks that a value is a string with at least one character.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function requireText(value: unknown, name: string): asserts value is string {
  requireString(value, name);
  if (value === '') throw wrongValue(`${name} must not be empty`);
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function requireFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value);
}

/**
 * Checks that a value is a whole number between limits.
 * @param unit the text after the limits in the error: ' bytes', ' milliseconds'
 * @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE
 */
export function requireInteger(
  value: unknown,
  name: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER, unit = '' } = {},
): asserts value is number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (Number.isInteger(value) && value >= min && value <= max) return;
  const limits = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw outOfRange(name, `a whole number ${limits}${unit}`, value);
}
