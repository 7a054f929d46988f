/** Attributes that distinguish an object from others. They are read when it is found, and compared when it is found again. */
import { createHash } from 'node:crypto';
import type { AttributeName } from '../attributes';
import type { ModelObject } from '../model-types';
import { isRefusal, readable } from '../native-keys/reading';

/** Attributes of one object, in a form that can be compared; those that cannot be read are absent. */
export interface Traits {
  readonly values: ReadonlyMap<AttributeName, string>;
  /** CKA_EC_PARAMS */
  readonly ecParams: Buffer | undefined;
  readonly alwaysAuthenticate: boolean;
}

/** Objects that differ in one of these are different objects, even if all else is the same. */
const DECISIVE: readonly AttributeName[] = ['modulus', 'ecPoint', 'value', 'publicKeyInfo', 'checkValue'];

/**
 * Objects that have one of these in common are the same object. CKA_PUBLIC_KEY_INFO is not among them, because the creator
 * of a private key can set it to any value.
 */
const SUFFICIENT: readonly AttributeName[] = ['modulus', 'ecPoint', 'value', 'uniqueId', 'checkValue'];

/** These do not change while an object exists, but different objects can have the same values. */
const UNCHANGING: readonly AttributeName[] = [
  ...(['uniqueId', 'keyGenMechanism', 'local', 'ecParams', 'valueLen', 'certificateType'] as const),
];

const BY_CLASS: Readonly<Record<string, readonly AttributeName[]>> = {
  PRIVATE_KEY: [
    ...(['uniqueId', 'modulus', 'ecPoint', 'ecParams', 'publicKeyInfo'] as const),
    ...(['keyGenMechanism', 'local', 'alwaysAuthenticate'] as const),
  ],
  // CKA_VALUE of a public key is public. That of other keys is never read.
  PUBLIC_KEY: [
    ...(['uniqueId', 'modulus', 'ecPoint', 'ecParams', 'publicKeyInfo'] as const),
    ...(['value', 'keyGenMechanism', 'local'] as const),
  ],
  SECRET_KEY: ['uniqueId', 'checkValue', 'valueLen', 'keyGenMechanism', 'local'],
  CERTIFICATE: ['uniqueId', 'certificateType', 'value'],
};

/** Returns a value as text to compare. Leading zeros of numbers are left out, because modules differ in them. */
function comparable(name: AttributeName, value: unknown): string | undefined {
  if (!Buffer.isBuffer(value)) return value === undefined || value === '' ? undefined : String(value);
  const bytes = name === 'modulus' ? value.subarray(value.findIndex((byte) => byte !== 0)) : value;
  if (bytes.length === 0) return undefined;
  return bytes.length > 64 ? createHash('sha256').update(bytes).digest('base64') : bytes.toString('base64');
}

/**
 * Reads the traits that the module returns for an object.
 * @throws errors that mean that session, login, object or token is lost
 */
export async function readTraits(object: ModelObject): Promise<Traits> {
  const names = BY_CLASS[String(object.class)] ?? ['uniqueId'];
  const read: Readonly<Record<string, unknown>> = await readable(object, ...names);
  const values = new Map<AttributeName, string>();
  for (const name of names) {
    const value = comparable(name, read[name]);
    if (value !== undefined) values.set(name, value);
  }
  const { ecParams, alwaysAuthenticate } = read;
  return {
    values,
    ecParams: Buffer.isBuffer(ecParams) ? ecParams : undefined,
    alwaysAuthenticate: alwaysAuthenticate === true,
  };
}

/** Returns true when these attributes are enough to prove that an object found again is the same. */
export function areSufficient({ values }: Traits): boolean {
  return SUFFICIENT.some((name) => values.has(name));
}

/** Returns true when both are traits of one object, false when they are not, undefined when attributes do not prove either. */
export function isSame({ values: before }: Traits, { values: now }: Traits): boolean | undefined {
  const differ = (name: AttributeName): boolean =>
    before.has(name) && now.has(name) && before.get(name) !== now.get(name);
  if (DECISIVE.some(differ)) return false;
  return SUFFICIENT.some((name) => before.has(name) && before.get(name) === now.get(name)) || undefined;
}

/** Returns true when the attributes that cannot change are the same. */
export function mayBeSame({ values: before }: Traits, { values: now }: Traits): boolean {
  return UNCHANGING.every(
    (name) => !before.has(name) || !now.has(name) || before.get(name) === now.get(name),
  );
}

/**
 * Returns the result of `read`; undefined if the module refuses it.
 * @throws errors that mean that session, login, object or token is lost
 */
export async function unlessRefused<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}
