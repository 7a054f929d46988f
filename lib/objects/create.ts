import { type Attributes, attributeType, fromResults, toTemplate } from '../attributes';
import { constantName, constantValue } from '../constants';
import type { Named } from '../generated/attributes';
import type { Session } from '../session';
import { Certificate } from './certificate';
import { Data } from './data';
import { Key } from './key';
import { PrivateKey } from './private-key';
import { PublicKey } from './public-key';
import { SecretKey } from './secret-key';
import { IDENTITY, type Identity, StorageObject } from './storage-object';

type ObjectType = new (...args: ConstructorParameters<typeof StorageObject>) => StorageObject;

const CLASSES: Readonly<Record<string, ObjectType>> = {
  PRIVATE_KEY: PrivateKey,
  PUBLIC_KEY: PublicKey,
  SECRET_KEY: SecretKey,
  OTP_KEY: Key,
  CERTIFICATE: Certificate,
  DATA: Data,
};

/** The CKA_ numbers of {@link IDENTITY}. */
export const IDENTITY_TYPES: readonly number[] = IDENTITY.map(attributeType);

/** The object of the right class for a handle. */
export function makeObject(session: Session, handle: bigint, identity: Identity, loginEpoch: number): StorageObject {
  const Type = typeof identity.class === 'string' ? CLASSES[identity.class] : undefined;
  return new (Type ?? StorageObject)(session, handle, identity, loginEpoch);
}

/** How often the login on the session's token has ended: an object belongs to the epoch in which it was seen. */
export function loginEpoch(session: Session): number {
  const { slot } = session.token;
  return slot.module.use().loginEpoch(slot.id);
}

/**
 * The object for a handle that the session has just made. What the module does not tell of it is taken from the
 * template it was made with.
 */
export async function adoptObject(session: Session, handle: bigint, made: Attributes): Promise<StorageObject> {
  const epoch = loginEpoch(session);
  const read = await session.use().C_GetAttributeValue(session.handle, handle, IDENTITY_TYPES);
  const known: Identity = fromResults(IDENTITY, read);
  const identity: Identity = { token: made.token ?? false, ...known };
  if (identity.class === undefined && made.class !== undefined) {
    identity.class = constantName('CKO', Number(constantValue('CKO', made.class))) as Named<'CKO'>;
  }
  if (!identity.token) session.token.slot.creators.set(handle, session);
  return makeObject(session, handle, identity, epoch);
}

/** C_CreateObject; see Session.createObject. */
export async function createObject(session: Session, attributes: Attributes): Promise<StorageObject> {
  const template = toTemplate(attributes);
  const raw = session.useForWriting(attributes.token ?? false);
  const handle = await raw.C_CreateObject(session.handle, template);
  return adoptObject(session, handle, attributes);
}
