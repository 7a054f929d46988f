import { ensureInstalled } from './install';

/** What the tests use keys with; not devDependencies, since nothing else needs them. */
const LIBRARIES = [
  'jose@6.2.17',
  'jsonwebtoken@9.0.3',
  'oauth4webapi@3.8.8',
  '@peculiar/x509@2.2.0',
  'reflect-metadata@0.2.2',
  'undici@7.30.2',
];

/** A folder with the libraries, kept in .cache; undefined when they are not to be had. */
export function ensureLibraries(): Promise<string | undefined> {
  return ensureInstalled('keyobject', LIBRARIES);
}
