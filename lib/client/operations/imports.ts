/** Imports of a client. Keys and certificates are read and checked before a session is lent. */
import { requireOptionsObject } from '../../core/arguments';
import type { CertificateInput } from '../../model/import/certificate-input';
import {
  type ImportCertificateOptions,
  importCertificates,
  prepareCertificate,
  prepareCertificates,
} from '../../model/import/import-certificate';
import { type ImportKeyOptions, importKey, prepareKey, wipeKey } from '../../model/import/import-key';
import type { KeyInput } from '../../model/import/key-input';
import { copyMembers } from '../../model/mechanisms/caller-copies';
import { adoptKey } from '../../model/objects/create-object';
import type { StorageObject } from '../../model/objects/storage-object';
import type { ClientMembers, OperationOptions } from '../client-types';
import type { Lease } from '../pool/pool-types';
import { withOptions } from './operation-options';

/** Makes the client's object of an object that was created; see adoptClientObject. */
export type Adopt<T> = (
  created: readonly StorageObject[],
  lease: Lease,
  signal: AbortSignal | undefined,
) => Promise<T>;

/** Separates the options of the operation from others, whose bytes are copied. */
function split<T extends OperationOptions>(
  options: T,
  method: string,
): { readonly own: OperationOptions; readonly rest: Omit<T, keyof OperationOptions> } {
  requireOptionsObject(options, `the options of ${method}`);
  const { signal, timeout, ...rest } = copyMembers(options);
  const { attributes } = rest as { readonly attributes?: object };
  const copied = attributes === undefined ? rest : { ...rest, attributes: copyMembers(attributes) };
  return { own: { signal, timeout }, rest: copied };
}

/** See Client.importKey. */
export async function importClientKey<T>(
  client: ClientMembers,
  input: KeyInput,
  options: ImportKeyOptions & OperationOptions,
  adopt: Adopt<T>,
): Promise<T> {
  const { own, rest } = split(options, 'importKey');
  const prepared = prepareKey(input, rest);
  try {
    return await withOptions(own, (signal) =>
      client.run('importKey', { signal, repeatable: false }, async (session, lease) => {
        const key = await adoptKey(session, await importKey(session, prepared));
        return adopt([key], lease, signal);
      }),
    );
  } finally {
    wipeKey(prepared);
  }
}

/** See Client.importCertificate and Client.importCertificates. */
export async function importClientCertificates<T>(
  client: ClientMembers,
  method: 'importCertificate' | 'importCertificates',
  input: CertificateInput | readonly CertificateInput[],
  options: ImportCertificateOptions & OperationOptions,
  adopt: Adopt<T>,
): Promise<T> {
  const { own, rest } = split(options, method);
  const prepared =
    method === 'importCertificates'
      ? prepareCertificates(input, rest)
      : [prepareCertificate(input as CertificateInput, rest)];
  return withOptions(own, (signal) =>
    client.run(method, { signal, repeatable: false }, async (session, lease) => {
      const created = await importCertificates(session, prepared);
      const objects = await Promise.all(created.map((each) => adoptKey(session, each)));
      return adopt(objects, lease, signal);
    }),
  );
}
