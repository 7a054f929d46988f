import { createHash, type KeyObject } from 'node:crypto';
import { CryptokiError } from '../../core/errors';
import type { PublicKey } from '../../model/objects/public-key';
import { toKeyObject } from '../../model/objects/public-key-info';
import type { OperationOptions } from '../client-types';
import { ClientCertificate } from '../objects/client-key';
import type { ClientObject } from '../objects/client-object';

/** What tells whether objects on several tokens are the same. Everything in it is public. */
export interface Identity {
  /** Of asymmetric keys the public key, of certificates their value; undefined where it cannot be had. */
  readonly value: string | undefined;
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

/** The public half of a private key, from the public key or certificate with the same CKA_ID. */
async function readPartner(object: ClientObject, options: OperationOptions): Promise<string | undefined> {
  const { client, id, keyType } = object;
  if (!id?.length) return undefined;
  const type = keyType === undefined ? {} : { keyType };
  const keys = await client.find({ class: 'PUBLIC_KEY', id, ...type }, options);
  const [key] = keys;
  if (key !== undefined && keys.length === 1) return readPublic(key, options);
  const [certificate, another] = await client.find({ class: 'CERTIFICATE', id }, options);
  if (!(certificate instanceof ClientCertificate) || another !== undefined) return undefined;
  return canonical((await certificate.toX509(options)).publicKey);
}

/** Reads what an object is known by. */
export async function identityOf(object: ClientObject, options: OperationOptions): Promise<Identity> {
  const known = {
    id: object.id?.toString('hex') ?? '',
    keyType: String(object.keyType ?? object.class),
    value: undefined,
    checkValue: undefined,
    alwaysAuthenticates: false,
  };
  switch (object.class) {
    case 'PRIVATE_KEY': {
      const { alwaysAuthenticate = false } = await object.attributes('alwaysAuthenticate');
      const value = (await readPublic(object, options)) ?? (await readPartner(object, options));
      return { ...known, value, alwaysAuthenticates: alwaysAuthenticate };
    }
    case 'PUBLIC_KEY':
      return { ...known, value: await readPublic(object, options) };
    case 'SECRET_KEY': {
      const { checkValue } = await object.attributes('checkValue');
      return { ...known, checkValue: checkValue?.length ? checkValue.toString('hex') : undefined };
    }
    default: {
      const { value } = await object.attributes('value');
      return { ...known, value: value && createHash('sha256').update(value).digest('hex') };
    }
  }
}

/** Whether two objects are the same: by public key; where it cannot be had, by id, type and check value. */
export function isSame(a: Identity, b: Identity): boolean {
  if (a.value !== undefined && b.value !== undefined) return a.value === b.value;
  const mayBe = a.checkValue === undefined || b.checkValue === undefined || a.checkValue === b.checkValue;
  return a.id !== '' && a.id === b.id && a.keyType === b.keyType && mayBe;
}

/** The key is another one than on the other members. */
export function mismatch(names: readonly string[], others: readonly string[]): CryptokiError {
  const list = (all: readonly string[]): string => all.map((name) => `"${name}"`).join(', ');
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_KEY_MISMATCH',
    detail: `what fits on ${list(names)} is not the same as on ${list(others)}, by public key or, where none can be read, by id, type and check value; search by id, or put the same key on all`,
  });
}
