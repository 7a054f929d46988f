import { constantName, constantValue } from '../../core/constant-names';
import type { Named } from '../../generated/attributes';
import { type Attributes, attributeType, fromResults, toTemplate } from '../attributes';
import { useForWriting } from '../login/session-access';
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

/** How often the login on the session's token has ended: an object belongs to the epoch in which it was seen. */
export function loginEpoch(session: Session): number {
  const { slot } = session.token;
  return slot.module.use().loginEpoch(slot.id);
}

/**
 * The object for a handle that the session has just made. What cannot be read of it, because the session was closed
 * meanwhile or the module does not tell, is taken from the template: what was made must not be lost to its caller.
 */
export async function adoptObject(
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
  const named = <Family extends 'CKO' | 'CKK'>(family: Family, name: Named<Family>): Named<Family> =>
    constantName(family, Number(constantValue(family, name as string | number)));
  const identity: Identity = {
    token,
    private: made.private ?? false,
    ...(made.class === undefined ? {} : { class: named('CKO', made.class) }),
    ...(made.keyType === undefined ? {} : { keyType: named('CKK', made.keyType) }),
    ...(typeof made.label === 'string' ? { label: made.label } : {}),
    ...known,
  };
  return makeObject(session, handle, identity, epoch);
}

/** C_CreateObject; see Session.createObject. */
export async function createObject(session: Session, attributes: Attributes): Promise<StorageObject> {
  const template = toTemplate(attributes);
  const raw = useForWriting(session, 'create', {
    token: attributes.token ?? false,
    private: attributes.private,
  });
  const epoch = loginEpoch(session);
  const handle = await raw.C_CreateObject(session.name, template);
  return adoptObject(session, handle, attributes, epoch);
}
