/** What tells an object from others, by its attributes: read when it is found, and compared when it is found again. */
import { createHash } from 'node:crypto';
import type { AttributeName } from '../attributes';
import type { ModelObject } from '../model-types';
import { isRefusal, readable } from '../native-keys/reading';

/** Attributes of one object, in a form that can be compared; those that it does not tell are absent. */
export interface Traits {
  readonly values: ReadonlyMap<AttributeName, string>;
  /** CKA_EC_PARAMS */
  readonly ecParams: Buffer | undefined;
  readonly alwaysAuthenticate: boolean;
}

/** Two objects that differ in one of these are two, whatever else is the same. */
const DECISIVE: readonly AttributeName[] = ['modulus', 'ecPoint', 'value', 'publicKeyInfo', 'checkValue'];

/**
 * Two objects that have one of these in common are the same. CKA_PUBLIC_KEY_INFO is not among them: of a private key it may
 * be anything that its maker has given.
 */
const SUFFICIENT: readonly AttributeName[] = ['modulus', 'ecPoint', 'value', 'uniqueId', 'checkValue'];

/** These do not change while an object lives, but say little of which it is. */
const UNCHANGING: readonly AttributeName[] = [
  ...(['uniqueId', 'keyGenMechanism', 'local', 'ecParams', 'valueLen', 'certificateType'] as const),
];

const BY_CLASS: Readonly<Record<string, readonly AttributeName[]>> = {
  PRIVATE_KEY: [
    ...(['uniqueId', 'modulus', 'ecPoint', 'ecParams', 'publicKeyInfo'] as const),
    ...(['keyGenMechanism', 'local', 'alwaysAuthenticate'] as const),
  ],
  // CKA_VALUE of a public key is public. That of other keys is never asked for.
  PUBLIC_KEY: [
    ...(['uniqueId', 'modulus', 'ecPoint', 'ecParams', 'publicKeyInfo'] as const),
    ...(['value', 'keyGenMechanism', 'local'] as const),
  ],
  SECRET_KEY: ['uniqueId', 'checkValue', 'valueLen', 'keyGenMechanism', 'local'],
  CERTIFICATE: ['uniqueId', 'certificateType', 'value'],
};

/** Numbers may have zeros before them or not. */
function comparable(name: AttributeName, value: unknown): string | undefined {
  if (!Buffer.isBuffer(value)) return value === undefined || value === '' ? undefined : String(value);
  const bytes = name === 'modulus' ? value.subarray(value.findIndex((byte) => byte !== 0)) : value;
  if (bytes.length === 0) return undefined;
  return bytes.length > 64 ? createHash('sha256').update(bytes).digest('base64') : bytes.toString('base64');
}

/** Reads what the object tells. @throws what tells that session, login, object or token is lost */
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

/** Whether an object with these attributes is known by them for sure when it is found again. */
export function areSufficient({ values }: Traits): boolean {
  return SUFFICIENT.some((name) => values.has(name));
}

/** Whether both are of one object, as far as attributes tell for sure; undefined: they do not. */
export function isSame(before: Traits, now: Traits): boolean | undefined {
  const [one, other] = [before.values, now.values];
  const differ = (name: AttributeName): boolean =>
    one.has(name) && other.has(name) && one.get(name) !== other.get(name);
  if (DECISIVE.some(differ)) return false;
  return SUFFICIENT.some((name) => one.has(name) && one.get(name) === other.get(name)) || undefined;
}

/** Whether nothing has changed that cannot change. */
export function mayBeSame(before: Traits, now: Traits): boolean {
  const [one, other] = [before.values, now.values];
  return UNCHANGING.every((name) => !one.has(name) || !other.has(name) || one.get(name) === other.get(name));
}

/** What `read` gives; undefined where the module refuses it. @throws what tells that something is lost */
export async function unlessRefused<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}
