import { createHash, type KeyObject } from 'node:crypto';
import { CryptokiError } from '../../core/errors';
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

/** What tells whether objects on several tokens are the same. Everything in it is public. */
export interface Identity {
  /** Of asymmetric keys the public key, of certificates their value; undefined where it cannot be had, or not be proved. */
  readonly value: string | undefined;
  /** The public key of a private key, where it is known. */
  readonly publicKey?: KeyObject | undefined;
  /** Of keys without a public key and a check value: what they do. */
  readonly fingerprint?: Fingerprint | undefined;
  /** Whether it was shown to be the same as what it was compared with. */
  readonly isShown?: boolean;
  /** Whether the private key may be tried: it wants no PIN each time, and is not used up by it. */
  readonly mayTry: boolean;
  /** Of private keys: public keys with their id or label, of which nothing shows whether they belong to them. */
  readonly candidates: readonly string[];
  /** CKA_ID in hexadecimal; empty when there is none. */
  readonly id: string;
  readonly keyType: string;
  /** CKA_CHECK_VALUE in hexadecimal, of secret keys. */
  readonly checkValue: string | undefined;
  /** CKA_ALWAYS_AUTHENTICATE: its operations are not done twice. */
  readonly alwaysAuthenticates: boolean;
}

/** One form for one public key, whatever the encoding of its point or its parameters. */
function canonical(key: KeyObject): string {
  try {
    const jwk = key.export({ format: 'jwk' });
    return JSON.stringify(Object.entries(jwk).sort(([a], [b]) => (a < b ? -1 : 1)));
  } catch {
    return key.export({ format: 'der', type: 'spki' }).toString('hex'); // a curve that JSON web keys do not have
  }
}

/** That attributes are missing or malformed is no failure of the operation. */
function unlessLost(error: unknown): undefined {
  if (error instanceof CryptokiError && error.code !== 'ERR_CRYPTOKI_UNSUPPORTED') throw error;
}

/** The public half of a key, from its own attributes. */
async function readPublic(object: ClientObject, options: OperationOptions): Promise<string | undefined> {
  // PublicKey.toKeyObject reads public attributes only, which private keys may have as well.
  const key = await object.use('identity', { ...options, repeatable: true }, (its) =>
    toKeyObject(its as PublicKey).catch(unlessLost),
  );
  if (key !== undefined) return canonical(key);
  if (object.class !== 'PUBLIC_KEY') return undefined;
  // A type of key that Node does not know.
  const { publicKeyInfo, value, ecPoint } = await object.attributes('publicKeyInfo', 'value', 'ecPoint');
  const bytes = [publicKeyInfo, value, ecPoint].find((found) => found !== undefined && found.length > 0);
  return bytes?.toString('hex');
}

/** The public half of a private key, from the public keys and certificates beside it, of which only a proved one counts. */
function readPartners(
  object: ClientObject,
  mayTry: boolean,
  options: OperationOptions,
): Promise<Pick<Identity, 'value' | 'publicKey' | 'candidates' | 'fingerprint'>> {
  return object.use('identity', { ...options, repeatable: true }, async (its, session) => {
    const { proved, candidates } = await publicHalvesOf(session, its as PrivateKey, mayTry);
    return {
      fingerprint: mayTry && proved === undefined ? await readFingerprint(its) : undefined,
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

/** Reads what an object is known by. */
export async function identityOf(object: ClientObject, options: OperationOptions): Promise<Identity> {
  const known = {
    id: object.id?.toString('hex') ?? '',
    keyType: String(object.keyType ?? object.class),
    value: undefined,
    candidates: [],
    checkValue: undefined,
    alwaysAuthenticates: false,
    mayTry: false,
  };
  switch (object.class) {
    case 'PRIVATE_KEY': {
      const { alwaysAuthenticate = false } = await object.attributes('alwaysAuthenticate');
      const mayTry = !alwaysAuthenticate && !STATEFUL.includes(String(object.keyType));
      const own = { ...known, alwaysAuthenticates: alwaysAuthenticate, mayTry };
      const value = await readPublic(object, options);
      if (value !== undefined) return { ...own, value };
      return { ...own, ...(await readPartners(object, mayTry, options)) };
    }
    case 'PUBLIC_KEY':
      return { ...known, value: await readPublic(object, options) };
    case 'SECRET_KEY': {
      const { checkValue } = await object.attributes('checkValue');
      if (checkValue?.length) return { ...known, checkValue: checkValue.toString('hex') };
      const fingerprint = await object.use('identity', { ...options, repeatable: true }, readFingerprint);
      return { ...known, fingerprint, mayTry: true };
    }
    default: {
      const { value } = await object.attributes('value');
      return { ...known, value: value && createHash('sha256').update(value).digest('hex') };
    }
  }
}

/**
 * What an object is known by, when it is compared with another: a key that tells nothing is tried, with the public key of the
 * other or by doing what the other has done.
 */
export async function comparedWith(
  expected: Identity,
  object: ClientObject,
  identity: Identity,
  options: OperationOptions,
): Promise<Identity> {
  const { publicKey, fingerprint } = expected;
  if (identity.value !== undefined || identity.checkValue !== undefined || !identity.mayTry) return identity;
  if (publicKey === undefined && fingerprint === undefined) return identity;
  const isShown = await object.use('identity', { ...options, repeatable: true }, async (its) =>
    publicKey === undefined ? fingerprint?.fits(its) : isHalfOf(its as PrivateKey, publicKey),
  );
  return isShown === undefined ? identity : { ...identity, isShown };
}

/**
 * Whether two objects are the same: by public key or by a trial; where neither can be had, by id, type and check value.
 * @param b what was {@link comparedWith} a
 */
export function isSame(a: Identity, b: Identity): boolean {
  if (a === b) return true;
  if (b.isShown !== undefined) return b.isShown;
  if (a.value !== undefined && b.value !== undefined) return a.value === b.value;
  const publicKeys = (its: Identity): readonly string[] =>
    its.value === undefined ? its.candidates : [its.value];
  const [ofA, ofB] = [publicKeys(a), publicKeys(b)];
  if (ofA.length > 0 && ofB.length > 0 && !ofA.some((key) => ofB.includes(key))) return false;
  const mayBe = a.checkValue === undefined || b.checkValue === undefined || a.checkValue === b.checkValue;
  return a.id !== '' && a.id === b.id && a.keyType === b.keyType && mayBe;
}

/** The key is another one than on the other members. */
export function mismatch(names: readonly string[], others: readonly string[]): CryptokiError {
  const list = (all: readonly string[]): string => all.map((name) => `"${name}"`).join(', ');
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_KEY_MISMATCH',
    detail: `what fits on ${list(names)} is not the same as on ${list(others)}, by public key or by what it does, or, where neither can be had, by id, type and check value; search by id, or put the same key on all`,
  });
}
