import { ensureInstalled } from './install';

/** Libraries that the tests combine with keys; not devDependencies, because only these tests need them. */
const LIBRARIES = [
  'jose@6.2.17',
  'jsonwebtoken@9.0.3',
  'oauth4webapi@3.8.8',
  '@peculiar/x509@2.2.0',
  'reflect-metadata@0.2.2',
  'undici@7.30.2',
];

/** Path of a folder in .cache with the libraries; undefined if they cannot be installed. */
export function ensureLibraries(): Promise<string | undefined> {
  return ensureInstalled('keyobject', LIBRARIES);
}
