// @ts-check
// Runs the contract suite, known answers and imports on the newest NSS softokn, for the functions of PKCS#11 3.2, which no
// module of a stable distribution has. It unpacks libnss3 of Debian unstable into a private folder, changes nothing of the system and needs no
// root rights. If the package is not available, the run is skipped with the reason.
//
//   node scripts/newest-nss.mjs [OPTIONS OF VITEST ...]
//
// Environment: CRYPTOKI_NEWEST_NSS   folder in which it is kept and found again; default: fetched each time

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { at, binPath, ensureSetup, run, runMain, step, ToolError, works } from './tools.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const LIBRARY = 'libsoftokn3.so';

/** Reason why the newest NSS is not available on this machine. */
class Skipped extends Error {}

/** The packages are built for Debian's libraries. Packages of other architectures are not tested. */
function checkSystem() {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Skipped('it needs Linux on amd64');
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID="?debian"?$/m.test(release)) throw new Skipped('it needs Debian');
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1];
  if (codename === undefined) throw new Skipped('this Debian does not say which one it is');
  if (!works('apt-get') || !works('dpkg-deb')) throw new Skipped('it needs apt-get and dpkg-deb');
  if (!existsSync(KEYRING)) throw new Skipped('it needs the keys of Debian: debian-archive-keyring');
  return codename;
}

/** Runs apt-get; a failure is a reason to skip. @param {string[]} args @param {string} [cwd] */
async function apt(args, cwd) {
  try {
    return await run('apt-get', args, { ...(cwd === undefined ? {} : { cwd }), env: { LC_ALL: 'C' } });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const said = error.message.split('\n').filter((line) => /^[EW]: /.test(line));
    throw new Skipped(`apt-get ${args[0]} failed. ${said.at(-1) ?? error.message}`);
  }
}

/** Settings of a private apt. @param {string} folder @param {Record<string, string>} more */
function settings(folder, more = {}) {
  const [lists, cache] = [join(folder, 'lists'), join(folder, 'cache')];
  for (const path of [lists, cache]) mkdirSync(join(path, 'partial'), { recursive: true });
  const all = {
    'Dir::State': folder,
    'Dir::State::lists': lists,
    'Dir::Cache': cache,
    'APT::Sandbox::User': '', // the folder belongs to the current user
    'APT::Architectures': 'amd64',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
    ...more,
  };
  return Object.entries(all).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** The archive from which the packages of this system were installed. @param {string} codename @param {string} work */
async function findArchive(codename, work) {
  const format = [
    '--format',
    '$(REPO_URI) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
    'Origin: Debian',
  ];
  const look = async (/** @type {string[]} */ options) => {
    const lines = (await apt(['indextargets', ...options, ...format]))
      .split('\n')
      .map((line) => line.split(' '));
    return lines.find(([, release, component]) => release === codename && component === 'main')?.[0];
  };
  const known = await look([]);
  if (known !== undefined) return known;
  const options = settings(join(work, 'own')); // a new container has no package lists
  await apt(['update', ...options]);
  const found = await look(options);
  if (found === undefined) throw new Skipped('apt has no archive of Debian');
  return found;
}

/** @param {string} folder */
async function fetch(folder) {
  const codename = checkSystem();
  const work = mkdtempSync(join(folder, 'work-'));
  try {
    const archive = await findArchive(codename, work);
    const source = join(work, 'sources.list');
    writeFileSync(source, `deb [signed-by=${KEYRING}] ${archive} sid main\n`);
    writeFileSync(join(work, 'status'), '');
    const options = settings(work, {
      'Dir::State::status': join(work, 'status'),
      'Dir::Etc::sourcelist': source,
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': '/dev/null',
      'Acquire::Check-Valid-Until': 'false', // the archive may be a snapshot
    });
    await apt(['update', ...options]);
    await apt(['download', ...options, 'libnss3'], work);
    const name = readdirSync(work).find((each) => /^libnss3_.*\.deb$/.test(each));
    if (name === undefined) throw new Skipped('the archive has no libnss3');
    const files = join(work, 'files');
    await run('dpkg-deb', ['-x', join(work, name), files]);
    writeFileSync(join(folder, 'version'), decodeURIComponent(name.split('_')[1] ?? ''));
    renameSync(files, join(folder, 'files')); // last, so that an existing folder is complete
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The library, and the path on which the dynamic linker finds its dependencies. @param {string} folder */
function findLibrary(folder) {
  const files = join(folder, 'files');
  if (!existsSync(files)) return undefined;
  const name = readdirSync(files, { recursive: true, encoding: 'utf8' }).find((each) =>
    each.endsWith(LIBRARY),
  );
  if (name === undefined) return undefined;
  const library = join(files, name);
  const places = [dirname(library), dirname(dirname(library)), process.env.LD_LIBRARY_PATH];
  return { library, LD_LIBRARY_PATH: places.filter(Boolean).join(delimiter) };
}

/** Checks that the system has the other dependencies and a sufficiently new libc. @param {string} library @param {object} env */
function checkLibraries(library, env) {
  const { stdout, stderr } = spawnSync('ldd', [library], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  const missing = /^.*not found.*$/m.exec(`${stdout}${stderr}`)?.[0].trim();
  if (missing !== undefined) throw new Skipped(`this system is too old for it: ${missing}`);
}

/** @param {string} folder */
async function runContract(folder) {
  if (findLibrary(folder) === undefined) await step('fetching the newest NSS', () => fetch(folder));
  const found = findLibrary(folder);
  if (found === undefined) throw new ToolError(`libnss3 holds no ${LIBRARY}.`);
  const { library, LD_LIBRARY_PATH } = found;
  checkLibraries(library, { LD_LIBRARY_PATH });
  process.stderr.write(`libnss3 ${readFileSync(join(folder, 'version'), 'utf8')}\n`);
  ensureSetup();
  const test = [
    'run',
    'test/contract/nss-newest.test.ts',
    'test/model/operations/kem.test.ts',
    'test/vectors',
    'test/model/import',
    ...process.argv.slice(2),
  ];
  const { status, signal, error } = spawnSync(process.execPath, [binPath('vitest'), ...test], {
    cwd: at(),
    stdio: 'inherit',
    // The linker reads its path when a process starts. Without it, softokn would load the libnssutil3.so of the system.
    env: { ...process.env, LD_LIBRARY_PATH, CRYPTOKI_NEWEST_NSS_MODULE: library, CRYPTOKI_NSS: library },
  });
  if (error) throw error;
  if (status !== 0) throw new ToolError(`The contract with the newest NSS ended with ${status ?? signal}.`);
}

await runMain(async () => {
  const kept = process.env.CRYPTOKI_NEWEST_NSS;
  const folder = kept ? resolve(kept) : mkdtempSync(join(tmpdir(), 'cryptoki-nss-'));
  mkdirSync(folder, { recursive: true });
  try {
    await runContract(folder);
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    process.stderr.write(`SKIPPED: PKCS#11 3.2 on the newest NSS: ${error.message}\n`);
  } finally {
    if (!kept) rmSync(folder, { recursive: true, force: true });
  }
});
