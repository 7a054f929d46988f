import { createHash, type KeyObject } from 'node:crypto';
import { CryptokiError, ownError } from '../../core/errors';
import { isHalfOf, publicHalvesOf } from '../../model/native-keys/public-half';
import { readable } from '../../model/native-keys/reading';
import { type Fingerprint, fingerprintOf } from '../../model/objects/fingerprint';
import type { PrivateKey } from '../../model/objects/private-key';
import type { PublicKey } from '../../model/objects/public-key';
import { toKeyObject } from '../../model/objects/public-key-info';
import type { StorageObject } from '../../model/objects/storage-object';
import type { OperationOptions } from '../client-types';
import type { ClientObject } from '../objects/client-object';
import { STATEFUL } from '../objects/object-identity';

/** Public data by which objects on several tokens are compared. */
export interface Identity {
  /** The public key of an asymmetric key, or a digest of a certificate; undefined if it cannot be read or proved. */
  readonly value: string | undefined;
  /** The public key of a private key, if it is known. */
  readonly publicKey?: KeyObject | undefined;
  /** The results of a key with known data, for keys without public key and check value. */
  readonly fingerprint?: Fingerprint | undefined;
  /** The result of a trial with the expected identity. */
  readonly isProved?: boolean;
  /** True when a trial of the key is allowed: it does not require a PIN each time or have a limited number of signatures. */
  readonly canTry: boolean;
  /** Public keys with the id or label of a private key that are not proved to belong to it. */
  readonly candidates: readonly string[];
  /** CKA_ID in hexadecimal; empty if the object has none. */
  readonly id: string;
  readonly keyType: string;
  /** CKA_CHECK_VALUE of a secret key in hexadecimal. */
  readonly checkValue: string | undefined;
  /** CKA_ALWAYS_AUTHENTICATE: the operations of such a key are not repeated. */
  readonly alwaysAuthenticates: boolean;
}

/** Returns the same text for all encodings of a public key. */
function canonical(key: KeyObject): string {
  try {
    const jwk = key.export({ format: 'jwk' });
    return JSON.stringify(Object.entries(jwk).sort(([a], [b]) => (a < b ? -1 : 1)));
  } catch {
    return key.export({ format: 'der', type: 'spki' }).toString('hex'); // JSON web keys do not have this curve
  }
}

/** Ignores errors for missing or malformed attributes, and throws others. */
function ignoreUnsupported(error: unknown): undefined {
  if (error instanceof CryptokiError && error.code !== 'ERR_CRYPTOKI_UNSUPPORTED') throw error;
}

/** Reads the public half of a key from its own attributes. */
async function readPublic(object: ClientObject, options: OperationOptions): Promise<string | undefined> {
  // PublicKey.toKeyObject reads public attributes only, which private keys may have as well.
  const key = await object.use('identity', { ...options, repeatable: true }, (modelObject) =>
    toKeyObject(modelObject as PublicKey).catch(ignoreUnsupported),
  );
  if (key !== undefined) return canonical(key);
  if (object.class !== 'PUBLIC_KEY') return undefined;
  // Node does not support this type of key.
  const { publicKeyInfo, value, ecPoint } = await object.attributes('publicKeyInfo', 'value', 'ecPoint');
  const bytes = [publicKeyInfo, value, ecPoint].find((found) => found !== undefined && found.length > 0);
  return bytes?.toString('hex');
}

/** Finds the public half of a private key among public keys and certificates with its id or label. Only a proved one is used. */
function readPartners(
  object: ClientObject,
  canTry: boolean,
  options: OperationOptions,
): Promise<Pick<Identity, 'value' | 'publicKey' | 'candidates' | 'fingerprint'>> {
  return object.use('identity', { ...options, repeatable: true }, async (privateKey, session) => {
    const { proved, candidates } = await publicHalvesOf(session, privateKey as PrivateKey, canTry);
    return {
      fingerprint: canTry && proved === undefined ? await readFingerprint(privateKey) : undefined,
      value: proved && canonical(proved),
      publicKey: proved,
      candidates: candidates.map(canonical),
    };
  });
}

async function readFingerprint(object: StorageObject): Promise<Fingerprint | undefined> {
  const { ecParams } = await readable(object, 'ecParams');
  return fingerprintOf(object, ecParams);
}

/** Reads the identity of an object. */
export async function identityOf(object: ClientObject, options: OperationOptions): Promise<Identity> {
  const basic = {
    id: object.id?.toString('hex') ?? '',
    keyType: String(object.keyType ?? object.class),
    value: undefined,
    candidates: [],
    checkValue: undefined,
    alwaysAuthenticates: false,
    canTry: false,
  };
  switch (object.class) {
    case 'PRIVATE_KEY': {
      const { alwaysAuthenticate = false } = await object.attributes('alwaysAuthenticate');
      const canTry = !alwaysAuthenticate && !STATEFUL.includes(String(object.keyType));
      const ofPrivateKey = { ...basic, alwaysAuthenticates: alwaysAuthenticate, canTry };
      const value = await readPublic(object, options);
      if (value !== undefined) return { ...ofPrivateKey, value };
      return { ...ofPrivateKey, ...(await readPartners(object, canTry, options)) };
    }
    case 'PUBLIC_KEY':
      return { ...basic, value: await readPublic(object, options) };
    case 'SECRET_KEY': {
      const { checkValue } = await object.attributes('checkValue');
      if (checkValue?.length) return { ...basic, checkValue: checkValue.toString('hex') };
      const fingerprint = await object.use('identity', { ...options, repeatable: true }, readFingerprint);
      return { ...basic, fingerprint, canTry: true };
    }
    default: {
      const { value } = await object.attributes('value');
      return { ...basic, value: value && createHash('sha256').update(value).digest('hex') };
    }
  }
}

/**
 * Completes an identity for a comparison. If it has neither a public key nor a check value, the key is tried with the expected
 * public key or fingerprint.
 */
export async function comparedWith(
  expected: Identity,
  object: ClientObject,
  identity: Identity,
  options: OperationOptions,
): Promise<Identity> {
  const { publicKey, fingerprint } = expected;
  if (identity.value !== undefined || identity.checkValue !== undefined || !identity.canTry) return identity;
  if (publicKey === undefined && fingerprint === undefined) return identity;
  const isProved = await object.use('identity', { ...options, repeatable: true }, async (modelObject) =>
    publicKey === undefined ? fingerprint?.fits(modelObject) : isHalfOf(modelObject as PrivateKey, publicKey),
  );
  return isProved === undefined ? identity : { ...identity, isProved };
}

/**
 * Returns true when two objects are the same: by public key or by a trial, otherwise by id, type and check value.
 * @param found the result of {@link comparedWith} for `expected`
 */
export function isSame(expected: Identity, found: Identity): boolean {
  if (expected === found) return true;
  if (found.isProved !== undefined) return found.isProved;
  if (expected.value !== undefined && found.value !== undefined) return expected.value === found.value;
  const publicKeysOf = ({ value, candidates }: Identity): readonly string[] =>
    value === undefined ? candidates : [value];
  const [expectedKeys, foundKeys] = [publicKeysOf(expected), publicKeysOf(found)];
  const isComparable = expectedKeys.length > 0 && foundKeys.length > 0;
  if (isComparable && !expectedKeys.some((key) => foundKeys.includes(key))) return false;
  const checkValues = [expected.checkValue, found.checkValue];
  const hasSameCheckValue = checkValues.includes(undefined) || expected.checkValue === found.checkValue;
  const hasSameName = expected.id !== '' && expected.id === found.id && expected.keyType === found.keyType;
  return hasSameName && hasSameCheckValue;
}

/** Builds the error for members with another key. @param others the members with the expected key */
export function mismatch(names: readonly string[], others: readonly string[]): CryptokiError {
  const list = (all: readonly string[]): string => all.map((name) => `"${name}"`).join(', ');
  return ownError(
    'ERR_CRYPTOKI_KEY_MISMATCH',
    `the object on ${list(names)} is not the same as on ${list(others)} (compared by public key or a trial, otherwise by id, type and check value); search by id, or copy the same key to all members`,
  );
}
