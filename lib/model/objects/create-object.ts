import { constantName, constantValue } from '../../core/constant-names';
import { CryptokiError } from '../../core/errors';
import { requirePlain } from '../../core/selection';
import type { Named } from '../../generated/attributes';
import { type Attributes, fromResults, toTemplate } from '../attributes';
import { loginEpoch, useForWriting } from '../login/session-access';
import type { Session, User } from '../session';
import { Certificate } from './certificate';
import { Data } from './data';
import type { GeneratedKey } from './generate-keys';
import type { ObjectClass } from './identity';
import { IDENTITY, IDENTITY_TYPES, type Identity } from './identity';
import { Key } from './key';
import { PrivateKey } from './private-key';
import { PublicKey } from './public-key';
import { SecretKey } from './secret-key';
import { StorageObject } from './storage-object';

type ObjectType = new (...args: ConstructorParameters<typeof StorageObject>) => StorageObject;

const CLASSES: Readonly<Record<string, ObjectType>> = {
  PRIVATE_KEY: PrivateKey,
  PUBLIC_KEY: PublicKey,
  SECRET_KEY: SecretKey,
  OTP_KEY: Key,
  CERTIFICATE: Certificate,
  DATA: Data,
};

/** The object of the right class for a handle. */
export function makeObject(
  session: Session,
  handle: bigint,
  identity: Identity,
  loginEpoch: number,
): StorageObject {
  const creator = identity.token === false ? session.token.slot.creators.get(handle) : undefined;
  const Type = typeof identity.class === 'string' ? CLASSES[identity.class] : undefined;
  return new (Type ?? StorageObject)(session, handle, identity, { creator, loginEpoch, destroyed: false });
}

/**
 * The object for a handle that the session has just made. What cannot be read of it, because the session was closed
 * meanwhile or the module does not tell, is taken from the template: what was made must not be lost to its caller.
 */
async function adoptObject(
  session: Session,
  handle: bigint,
  made: Attributes,
  epoch: number,
): Promise<StorageObject> {
  const token = made.token ?? false;
  if (!token) session.created(handle);
  const { raw } = session.token.slot.module;
  const read = await raw.C_GetAttributeValue(session.name, handle, IDENTITY_TYPES).catch(() => []);
  const known: Identity = fromResults(IDENTITY, read);
  // Where the template leaves it to the token, and the token does not tell, it may be private if somebody was logged in.
  const { user, slot } = session.token;
  const mayBePrivate = user !== undefined || raw.loginEpoch(slot.id) !== epoch;
  const named = <Family extends 'CKO' | 'CKK'>(family: Family, name: Named<Family>): Named<Family> =>
    constantName(family, Number(constantValue(family, name as string | number)));
  const identity: Identity = {
    token,
    private: made.private ?? mayBePrivate,
    ...(made.class === undefined ? {} : { class: named('CKO', made.class) }),
    ...(made.keyType === undefined ? {} : { keyType: named('CKK', made.keyType) }),
    ...(typeof made.label === 'string' ? { label: made.label } : {}),
    ...known,
  };
  return makeObject(session, handle, identity, epoch);
}

/** The two halves of a key pair. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  readonly privateKey: PrivateKey;
}

/** The objects of a key pair that the session has just generated. */
export async function adoptKeyPair(
  session: Session,
  generated: { readonly publicKey: GeneratedKey; readonly privateKey: GeneratedKey },
): Promise<KeyPair> {
  const [publicKey, privateKey] = await Promise.all([
    adoptKey(session, generated.publicKey),
    adoptKey(session, generated.privateKey),
  ]);
  return { publicKey: publicKey as PublicKey, privateKey: privateKey as PrivateKey };
}

/** The object of a key that the session has just generated. */
export function adoptKey(
  session: Session,
  { handle, requested, loginEpoch }: GeneratedKey,
): Promise<StorageObject> {
  return adoptObject(session, handle, requested, loginEpoch);
}

/** The class of a template by its name. */
export function classOf({ class: given }: Attributes): ObjectClass | undefined {
  if (given === undefined) return undefined;
  return constantName('CKO', Number(constantValue('CKO', given as string | number)));
}

/**
 * The template of a key says that it is private where the user is logged in: left to the token, a key that is made beside a
 * logout could be public. What a token does without CKA_PRIVATE is its own affair (PKCS#11 3.1, section 4.4.1).
 */
export function privateKeyTemplate(attributes: Attributes, user: User | undefined): Attributes {
  const isKey = ['PRIVATE_KEY', 'SECRET_KEY'].includes(String(classOf(attributes)));
  if (user !== 'USER' || !isKey || attributes.private !== undefined) return attributes;
  return { ...attributes, private: true };
}

/** C_CreateObject; see Session.createObject. */
export async function createObject(session: Session, attributes: Attributes): Promise<StorageObject> {
  requirePlain(attributes, 'the attributes');
  const { user, slot } = session.token;
  const made = privateKeyTemplate(attributes, user);
  const template = toTemplate(made);
  const raw = useForWriting(session, 'create', { token: made.token ?? false, private: made.private });
  const epoch = loginEpoch(session);
  const handle = await raw.C_CreateObject(session.name, template);
  const object = await adoptObject(session, handle, made, epoch);
  const isBesideLogout = user !== undefined && raw.loginEpoch(slot.id) !== epoch;
  const isLeftToToken = made.private === undefined && classOf(made) === 'DATA';
  if (isBesideLogout && isLeftToToken && !object.isPrivate) {
    await raw.C_DestroyObject(session.name, handle).catch(() => {}); // it is gone with its session at the latest
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_ACCESS',
      detail:
        'somebody logged out while the object was created, and the token made it public; it was destroyed. Log in and create it again, or say with "private" which it is to be',
      action: 'relogin',
    });
  }
  return object;
}
