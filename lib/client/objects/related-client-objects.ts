/** The keys and certificates that belong to an object of a client, as objects of the client. */
import type { StorageObject } from '../../model/objects/storage-object';
import type { OperationOptions } from '../client-types';
import type { ClientObject } from './client-object';

/** Finds objects that belong to an object, on one lent session. */
export function relatedClientObjects<T extends ClientObject>(
  subject: ClientObject,
  operation: string,
  options: OperationOptions | undefined,
  find: (object: StorageObject) => Promise<readonly StorageObject[]>,
): Promise<T[]> {
  const { client } = subject;
  return subject.use(operation, { callerOptions: options, repeatable: true }, async (modelObject) => {
    const { generation } = client;
    const related: ClientObject[] = [];
    for (const object of await find(modelObject)) {
      const found = client.makeObject(object, generation) as ClientObject;
      if (found.isTokenObject) await found.learn(object, true);
      related.push(found);
    }
    return related as T[];
  });
}

/** Finds the object that belongs to an object; see {@link relatedClientObjects}. */
export async function relatedClientObject<T extends ClientObject>(
  subject: ClientObject,
  operation: string,
  options: OperationOptions | undefined,
  find: (object: StorageObject) => Promise<StorageObject>,
): Promise<T> {
  const [found] = await relatedClientObjects<T>(subject, operation, options, async (modelObject) => [
    await find(modelObject),
  ]);
  return found as T;
}
