import type { X509Certificate } from 'node:crypto';
import { ownError } from '../../core/errors';
import type { Certificate } from '../../model/objects/certificate';
import type { StorageObject } from '../../model/objects/storage-object';
import type { Client } from '../client';
import type { OperationOptions } from '../client-types';
import type { Lease } from '../pool/session-pool';
import { ClientObject } from './client-object';
import { ClientPrivateKey } from './client-private-key';
import { ClientPublicKey } from './client-public-key';
import { ClientSecretKey } from './client-secret-key';

export { ClientPrivateKey } from './client-private-key';
export { ClientPublicKey } from './client-public-key';
export { ClientSecretKey } from './client-secret-key';

/** A certificate, which is read on any free session. */
export class ClientCertificate extends ClientObject {
  /** Returns the certificate as an X509Certificate of node:crypto; see Certificate.toX509. */
  toX509(options?: OperationOptions): Promise<X509Certificate> {
    return this.use('toX509', { given: options, repeatable: true }, (object) =>
      (object as Certificate).toX509(),
    );
  }

  /** Finds the public key object of this certificate on the token; see Certificate.publicKey. */
  publicKey(options?: OperationOptions): Promise<ClientPublicKey> {
    return relatedClientObject(this, 'publicKey', options, (object) => (object as Certificate).publicKey());
  }

  /** Finds the private key of this certificate on the token; see Certificate.privateKey. */
  privateKey(options?: OperationOptions): Promise<ClientPrivateKey> {
    return relatedClientObject(this, 'privateKey', options, (object) => (object as Certificate).privateKey());
  }

  /** Returns this certificate and its issuers on the token; see Certificate.certificateChain. */
  certificateChain(options?: OperationOptions): Promise<ClientCertificate[]> {
    return relatedClientObjects(this, 'certificateChain', options, (object) =>
      (object as Certificate).certificateChain(),
    );
  }
}

type ClientObjectType = new (client: Client, object: StorageObject, generation: number) => ClientObject;

const CLASSES: Readonly<Record<string, ClientObjectType>> = {
  PRIVATE_KEY: ClientPrivateKey,
  PUBLIC_KEY: ClientPublicKey,
  SECRET_KEY: ClientSecretKey,
  CERTIFICATE: ClientCertificate,
};

/** Returns a ClientObject of the class that fits the object. */
export function makeClientObject(client: Client, object: StorageObject, generation: number): ClientObject {
  const Type = typeof object.class === 'string' ? CLASSES[object.class] : undefined;
  return new (Type ?? ClientObject)(client, object, generation);
}

/**
 * Returns a ClientObject for an object that the client has created. A session object keeps the session of the lease open. For a
 * token object it reads what proves it later; if that fails, the first use reads it, because the caller must get what was
 * created.
 */
export async function adoptClientObject(
  client: Client,
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
  client: Client,
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

/** Finds objects that belong to an object, on one lent session. */
export function relatedClientObjects<T extends ClientObject>(
  object: ClientObject,
  operation: string,
  options: OperationOptions | undefined,
  find: (object: StorageObject) => Promise<readonly StorageObject[]>,
): Promise<T[]> {
  const { client } = object;
  return object.use(operation, { given: options, repeatable: true }, async (on) => {
    const { generation } = client;
    const related: ClientObject[] = [];
    for (const each of await find(on)) {
      const found = makeClientObject(client, each, generation);
      if (found.isTokenObject) await found.learn(each, true);
      related.push(found);
    }
    return related as T[];
  });
}

/** Finds the object that belongs to an object; see {@link relatedClientObjects}. */
export async function relatedClientObject<T extends ClientObject>(
  object: ClientObject,
  operation: string,
  options: OperationOptions | undefined,
  find: (object: StorageObject) => Promise<StorageObject>,
): Promise<T> {
  const [found] = await relatedClientObjects<T>(object, operation, options, async (on) => [await find(on)]);
  return found as T;
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
