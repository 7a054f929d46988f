import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, type Session } from 'cryptoki';

/** Paths of libsoftokn3 in distributions. */
function find(): string | undefined {
  const roots = ['/usr/lib', '/usr/lib64', '/opt/homebrew/lib', '/usr/local/lib'].filter((root) =>
    existsSync(root),
  );
  const folders = roots.flatMap((root) => [
    root,
    join(root, 'nss'),
    ...readdirSync(root)
      .filter((name) => name.endsWith('-linux-gnu'))
      .flatMap((name) => [join(root, name), join(root, name, 'nss')]),
  ]);
  const names = ['libsoftokn3.so', 'libsoftokn3.dylib'];
  return folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

const path = find();

/** Path of NSS for other programs. */
export const nssPath = path;

/** Reason why NSS cannot be used on this machine; undefined if it can. */
export const whyNoNss: string | undefined = path === undefined ? 'needs libsoftokn3 (libnss3)' : undefined;

/** A session with login on the database token of NSS, in a private directory. */
export interface Nss {
  readonly module: Module;
  readonly session: Session;
  close(): Promise<void>;
}

/** Path of the newest NSS, which scripts/newest-nss.mjs sets. */
export const newestNssPath = process.env.CRYPTOKI_NEWEST_NSS_MODULE;

/**
 * Opens NSS: a module with the interface of PKCS#11 3.0.
 * @param library default: that of the system
 */
export async function openNss(library = path): Promise<Nss> {
  if (library === undefined) throw new Error(whyNoNss);
  const folder = mkdtempSync(join(tmpdir(), 'cryptoki-nss-'));
  const libraryParameters = `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`;
  const module = await Module.open(library, { libraryParameters });
  const token = await module.token({ slot: 2 }); // slot 1 has no token objects
  const session = await token.openSession({ readWrite: true });
  await session.login(null, { user: 'SO' });
  await module.raw.C_InitPIN(session.handle, '1234');
  await session.logout();
  await session.login('1234');
  return {
    module,
    session,
    close: async () => {
      await module.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
