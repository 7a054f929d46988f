import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ownError } from '../core/errors';

/** Debian's names of folders for libraries, by architecture. */
const TRIPLETS: Readonly<Partial<Record<NodeJS.Architecture, string>>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  arm: 'arm-linux-gnueabihf',
  ppc64: 'powerpc64le-linux-gnu',
  s390x: 's390x-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
};

function usualPaths(): string[] {
  if (process.platform === 'win32') {
    return ['C:\\SoftHSM2\\lib', 'C:\\Program Files\\SoftHSM2\\lib'].map((folder) =>
      join(folder, 'softhsm2-x64.dll'),
    );
  }
  const brew = process.env.HOMEBREW_PREFIX;
  return [
    '/usr/lib/softhsm', // Debian, Ubuntu, Alpine, Arch
    `/usr/lib/${TRIPLETS[process.arch]}/softhsm`,
    '/usr/lib64/pkcs11', // Fedora, RHEL, openSUSE
    '/usr/lib64/softhsm',
    '/usr/lib64',
    '/usr/lib/pkcs11',
    ...(brew === undefined ? [] : [join(brew, 'lib/softhsm')]),
    '/opt/homebrew/lib/softhsm',
    '/usr/local/lib/softhsm', // Homebrew on Intel, FreeBSD, make install
    '/usr/local/lib',
    '/opt/local/lib/softhsm', // MacPorts
    '/home/linuxbrew/.linuxbrew/lib/softhsm',
  ].map((folder) => join(folder, 'libsofthsm2.so'));
}

/**
 * Returns the path of SoftHSM2's library.
 * @param chosen its path; default: the variable CRYPTOKI_SOFTHSM2, or else the first of the usual paths that exists
 * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND
 */
export function findSoftHSM(chosen = process.env.CRYPTOKI_SOFTHSM2 || undefined): string {
  const found = (chosen === undefined ? usualPaths() : [chosen]).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw ownError(
    'ERR_CRYPTOKI_MODULE_NOT_FOUND',
    chosen === undefined
      ? 'SoftHSM2 (libsofthsm2.so) was not found; install it (apt-get install libsofthsm2, dnf install softhsm, ' +
          'apk add softhsm, brew install softhsm), or set CRYPTOKI_SOFTHSM2 to the path of the library'
      : `the file ${chosen} does not exist; give the path of SoftHSM2's library`,
  );
}
