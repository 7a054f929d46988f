import type { X509Certificate } from 'node:crypto';
import { CryptokiError } from '../../core/errors';
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

/** A certificate, read on whatever session is free. */
export class ClientCertificate extends ClientObject {
  /** The certificate as node:crypto has it; see Certificate.toX509. */
  toX509(options?: OperationOptions): Promise<X509Certificate> {
    return this.use('toX509', { given: options, repeatable: true }, (object) =>
      (object as Certificate).toX509(),
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

/** The object of the right class. */
export function makeClientObject(client: Client, object: StorageObject, generation: number): ClientObject {
  const Type = typeof object.class === 'string' ? CLASSES[object.class] : undefined;
  return new (Type ?? ClientObject)(client, object, generation);
}

/**
 * An object that the client has made: one with token: false keeps the session of the lease open. Of a token object is learnt
 * what proves it later; if that fails, when it is first used: what was made must not be lost to its caller.
 */
export async function adoptClientObject(
  client: Client,
  object: StorageObject,
  lease: Lease,
): Promise<ClientObject> {
  const made = makeClientObject(client, object, client.generation);
  if (object.isTokenObject) await made.learn(object, true).catch(() => {});
  else made.pin(lease);
  return made;
}

/** Destroys the session objects that an operation has made which nobody waits for any more. Token objects stay. */
export async function discardIfAborted(
  signal: AbortSignal | undefined,
  lease: Lease,
  ...objects: readonly StorageObject[]
): Promise<void> {
  if (!signal?.aborted && !lease.isGivenUp) return;
  for (const object of objects) if (!object.isTokenObject) await object.destroy();
  if (signal?.aborted) throw signal.reason;
  const detail = 'what was made after operationTimeout had passed was destroyed';
  throw new CryptokiError({ code: 'ERR_CRYPTOKI_TIMEOUT', detail, action: 'retry' }); // nobody hears of it
}
