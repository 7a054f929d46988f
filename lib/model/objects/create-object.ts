import { wrongType } from '../../core/argument-errors';
import { constantName, constantValue } from '../../core/constant-names';
import { ownError } from '../../core/errors';
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

/** Creates the JavaScript object for a handle, of the type for its class. */
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
 * Creates the JavaScript object for an object that the session has just created. Attributes that cannot be read, because
 * the session was closed in the meantime or the module does not return them, are taken from the template, so that the
 * caller receives the object in any case.
 */
async function adoptObject(
  session: Session,
  handle: bigint,
  template: Attributes,
  epoch: number,
): Promise<StorageObject> {
  const token = template.token ?? false;
  if (!token) session.created(handle);
  const { raw } = session.token.slot.module;
  const read = await raw.C_GetAttributeValue(session.name, handle, IDENTITY_TYPES).catch(() => []);
  const known: Identity = fromResults(IDENTITY, read);
  // If neither the template nor the token specifies CKA_PRIVATE, the object may be private if a user was logged in.
  const { user, slot } = session.token;
  const mayBePrivate = user !== undefined || raw.loginEpoch(slot.id) !== epoch;
  const named = <Family extends 'CKO' | 'CKK'>(family: Family, name: Named<Family>): Named<Family> =>
    constantName(family, Number(constantValue(family, name as string | number)));
  const identity: Identity = {
    token,
    private: template.private ?? mayBePrivate,
    ...(template.class === undefined ? {} : { class: named('CKO', template.class) }),
    ...(template.keyType === undefined ? {} : { keyType: named('CKK', template.keyType) }),
    ...(typeof template.label === 'string' ? { label: template.label } : {}),
    ...known,
  };
  return makeObject(session, handle, identity, epoch);
}

/** The type of a key by its class. */
export interface KeyOfClass {
  readonly PRIVATE_KEY: PrivateKey;
  readonly PUBLIC_KEY: PublicKey;
  readonly SECRET_KEY: SecretKey;
}

/** Creates the JavaScript object for a handle that a raw call has returned; see Session.adopt. */
export async function adoptHandle(session: Session, handle: bigint): Promise<StorageObject> {
  if (typeof handle !== 'bigint') throw wrongType('handle', 'an object handle (bigint)', handle);
  const raw = session.use();
  const epoch = loginEpoch(session);
  const read = await raw.C_GetAttributeValue(session.name, handle, IDENTITY_TYPES);
  const identity: Identity = fromResults(IDENTITY, read);
  if (identity.token === false && !session.token.slot.creators.has(handle)) session.created(handle);
  return makeObject(session, handle, identity, epoch);
}

/** The two halves of a key pair. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  readonly privateKey: PrivateKey;
}

/** Creates the JavaScript objects of a key pair that the session has just generated. */
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

/** Creates the JavaScript object of a key that the session has just generated. */
export function adoptKey(
  session: Session,
  { handle, requested, loginEpoch }: GeneratedKey,
): Promise<StorageObject> {
  return adoptObject(session, handle, requested, loginEpoch);
}

/** Returns the name of the class of a template. */
export function classOf({ class: nameOrNumber }: Attributes): ObjectClass | undefined {
  if (nameOrNumber === undefined) return undefined;
  return constantName('CKO', Number(constantValue('CKO', nameOrNumber as string | number)));
}

/**
 * Adds CKA_PRIVATE to the template of a key while the user is logged in. Without it the token chooses the value (PKCS#11
 * 3.1, section 4.4.1), and a key that is created during a logout could become public.
 */
export function privateKeyTemplate(attributes: Attributes, user: User | undefined): Attributes {
  const isKey = ['PRIVATE_KEY', 'SECRET_KEY'].includes(String(classOf(attributes)));
  if (user !== 'USER' || !isKey || attributes.private !== undefined) return attributes;
  return { ...attributes, private: true };
}

/** Creates an object with C_CreateObject; see Session.createObject. */
export async function createObject(session: Session, attributes: Attributes): Promise<StorageObject> {
  requirePlain(attributes, 'the attributes');
  const { user, slot } = session.token;
  const template = privateKeyTemplate(attributes, user);
  const rawTemplate = toTemplate(template);
  const traits = { token: template.token ?? false, private: template.private };
  const raw = useForWriting(session, 'create', traits);
  const epoch = loginEpoch(session);
  const handle = await raw.C_CreateObject(session.name, rawTemplate);
  const object = await adoptObject(session, handle, template, epoch);
  const wasLoggedOut = user !== undefined && raw.loginEpoch(slot.id) !== epoch;
  const isLeftToToken = template.private === undefined && classOf(template) === 'DATA';
  if (wasLoggedOut && isLeftToToken && !object.isPrivate) {
    await raw.C_DestroyObject(session.name, handle).catch(() => {}); // a failure means that the session has ended
    throw ownError(
      'ERR_CRYPTOKI_ACCESS',
      'a logout happened while the object was created, and the token made it public, so it was destroyed; log in and create it again, or give the attribute "private"',
    );
  }
  return object;
}
