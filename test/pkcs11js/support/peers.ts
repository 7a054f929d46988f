import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { install } from './install';

const manifest = resolve(import.meta.dirname, '..', 'peers', 'package.json');

/** This checkout replaces the package that compat/pkcs11js would install from the registry. */
function leaveOutCryptoki(folder: string): void {
  const own = join(folder, 'pkcs11js', 'package.json');
  const { dependencies, ...others } = JSON.parse(readFileSync(own, 'utf8'));
  if (Object.keys(dependencies).join() !== 'cryptoki')
    throw new Error('compat/pkcs11js has more dependencies');
  writeFileSync(own, JSON.stringify(others));
}

/**
 * A project with graphene-pk11, node-webcrypto-p11 and Fabric's client from the registry, in which npm has replaced
 * pkcs11js by compat/pkcs11js; see {@link install}.
 * @returns path of the folder
 */
export const peers = (): Promise<string> => install(manifest, leaveOutCryptoki);
