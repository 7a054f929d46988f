import { ownError } from '../../core/errors';
import type { StorageObject } from '../../model/objects/storage-object';
import type { ClientMembers } from '../client-types';
import type { Lease } from '../pool/session-pool';
import { ClientCertificate } from './client-certificate';
import { ClientObject } from './client-object';
import { ClientPrivateKey } from './client-private-key';
import { ClientPublicKey } from './client-public-key';
import { ClientSecretKey } from './client-secret-key';

export { ClientCertificate } from './client-certificate';
export { ClientPrivateKey } from './client-private-key';
export { ClientPublicKey } from './client-public-key';
export { ClientSecretKey } from './client-secret-key';

type ClientObjectType = new (
  client: ClientMembers,
  object: StorageObject,
  generation: number,
) => ClientObject;

const CLASSES: Readonly<Record<string, ClientObjectType>> = {
  PRIVATE_KEY: ClientPrivateKey,
  PUBLIC_KEY: ClientPublicKey,
  SECRET_KEY: ClientSecretKey,
  CERTIFICATE: ClientCertificate,
};

/** Returns a ClientObject of the class that fits the object. */
export function makeClientObject(
  client: ClientMembers,
  object: StorageObject,
  generation: number,
): ClientObject {
  const Type = typeof object.class === 'string' ? CLASSES[object.class] : undefined;
  return new (Type ?? ClientObject)(client, object, generation);
}

/**
 * Returns a ClientObject for an object that the client has created. A session object keeps the session of the lease open. For a
 * token object it reads what proves it later; if that fails, the first use reads it, because the caller must get what was
 * created.
 */
export async function adoptClientObject(
  client: ClientMembers,
  object: StorageObject,
  lease: Lease,
): Promise<ClientObject> {
  const adopted = makeClientObject(client, object, client.generation);
  if (object.isTokenObject) await adopted.learn(object, true).catch(() => {});
  else adopted.pin(lease);
  return adopted;
}

/** The type of a client's key by its class. */
export interface ClientKeyOfClass {
  readonly PRIVATE_KEY: ClientPrivateKey;
  readonly PUBLIC_KEY: ClientPublicKey;
  readonly SECRET_KEY: ClientSecretKey;
}

/**
 * Returns a function that adopts several objects, which an import has created; see {@link adoptClientObject}. If the caller does
 * not wait for them any more, they are destroyed, token objects too: the caller still has what was imported.
 */
export function adoptClientObjects(
  client: ClientMembers,
): (
  created: readonly StorageObject[],
  lease: Lease,
  signal: AbortSignal | undefined,
) => Promise<readonly ClientObject[]> {
  return async (created, lease, signal) => {
    if (signal?.aborted || lease.isGivenUp) {
      for (const object of created) if (object.isTokenObject) await object.destroy();
    }
    await discardIfAborted(signal, lease, ...created);
    const adopted: ClientObject[] = [];
    for (const object of created) adopted.push(await adoptClientObject(client, object, lease));
    return adopted;
  };
}

/** Destroys the session objects of an operation whose caller does not wait for it any more. Token objects stay. */
export async function discardIfAborted(
  signal: AbortSignal | undefined,
  lease: Lease,
  ...objects: readonly StorageObject[]
): Promise<void> {
  if (!signal?.aborted && !lease.isGivenUp) return;
  for (const object of objects) if (!object.isTokenObject) await object.destroy();
  if (signal?.aborted) throw signal.reason;
  // Nobody waits for this error: it ends the work.
  throw ownError('ERR_CRYPTOKI_TIMEOUT', 'session objects created after operationTimeout were destroyed');
}
