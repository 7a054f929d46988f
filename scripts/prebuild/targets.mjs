// @ts-check
// The systems for which the published package contains compiled addons.

/**
 * @typedef {object} Target
 * @property {string} platform as in process.platform
 * @property {'x64' | 'arm64'} arch as in process.arch
 * @property {'glibc' | 'musl'} [libc] Linux only
 * @property {string} zig the target's name in zig, with the oldest supported version of the system
 */

/** The newest glibc that the files may need: that of RHEL 7, older than all that Node 20 supports. */
export const GLIBC = '2.17';
/** The newest macOS that the files may need. Node 22 needs 11.0, too. */
export const MACOS = '11.0';

/** @type {Readonly<Record<string, Target>>} */
export const targets = {
  'linux-x64-glibc': { platform: 'linux', arch: 'x64', libc: 'glibc', zig: `x86_64-linux-gnu.${GLIBC}` },
  'linux-x64-musl': { platform: 'linux', arch: 'x64', libc: 'musl', zig: 'x86_64-linux-musl' },
  'linux-arm64-glibc': { platform: 'linux', arch: 'arm64', libc: 'glibc', zig: `aarch64-linux-gnu.${GLIBC}` },
  'linux-arm64-musl': { platform: 'linux', arch: 'arm64', libc: 'musl', zig: 'aarch64-linux-musl' },
  'darwin-x64': { platform: 'darwin', arch: 'x64', zig: `x86_64-macos.${MACOS}` },
  'darwin-arm64': { platform: 'darwin', arch: 'arm64', zig: `aarch64-macos.${MACOS}` },
  'win32-x64': { platform: 'win32', arch: 'x64', zig: 'x86_64-windows-gnu' },
  'win32-arm64': { platform: 'win32', arch: 'arm64', zig: 'aarch64-windows-gnu' },
};

/** The target of this machine. */
export function ownTarget() {
  const report = /** @type {any} */ (process.report);
  report.excludeNetwork = true; // network look-ups can take seconds
  const isGlibc = report.getReport().header.glibcVersionRuntime !== undefined;
  const libc = process.platform !== 'linux' ? '' : isGlibc ? '-glibc' : '-musl';
  return `${process.platform}-${process.arch}${libc}`;
}

/** The files of a target, relative to the project: the addon and the fault module. @param {Target} target */
export function filesOf({ platform, arch, libc }) {
  const tag = libc ? `.${libc}` : '';
  const folder = `prebuilds/${platform}-${arch}`;
  return [`${folder}/cryptoki${tag}.node`, `${folder}/fault/cryptoki_fault${tag}.node`];
}
