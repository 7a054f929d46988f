// @ts-check
// pcscd with the virtual reader, isolated from the system: in a mount namespace it has its own /run and finds only our driver,
// so that it neither conflicts with the daemon of the system nor uses real readers. Its socket is in a private folder.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connected } from './connection.mjs';

/** Runs a script in the namespace; the daemon ends with this process. */
const MOUNTS = `
  set -e
  if [ -d /usr/lib/pcsc/drivers ]; then mount -t tmpfs tmpfs /usr/lib/pcsc/drivers; fi
  mount -t tmpfs tmpfs /run
  mkdir /run/pcscd
  mount --bind "$1" /run/pcscd
  shift
  exec setpriv --pdeathsig KILL "$@"`;

/** Arguments of unshare for a mount namespace on this machine: as root, or else in a user namespace. */
export const namespace = [['--mount'], ['--map-root-user', '--mount']].find((flags) => {
  const trial = ['sh', '-c', MOUNTS, 'sh', '/', 'true'];
  return (
    process.platform === 'linux' &&
    spawnSync('unshare', [...flags, ...trial], { stdio: 'ignore' }).status === 0
  );
});

/** @typedef {{ pcscd: string, driver: string, pinPad: boolean, folder: string }} Options */

/** The reader's driver and configuration. @param {Options} options @param {number} port */
function configure({ driver, pinPad, folder }, port) {
  const copy = join(folder, 'libifdvpcd.so.0'); // the linker finds it by this name
  copyFileSync(driver, copy);
  const library = pinPad ? join(folder, 'libpinpad.so') : copy;
  if (pinPad) {
    const source = new URL('pinpad.c', import.meta.url).pathname;
    const flags = ['-Wall', '-Werror', '-O2', '-shared', '-fPIC', '-Wl,-rpath,$ORIGIN'];
    const { status, stderr } = spawnSync('cc', [...flags, '-o', library, source, copy], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the driver of the PIN pad was not compiled: ${stderr}`);
  }
  mkdirSync(join(folder, 'readers'), { recursive: true });
  writeFileSync(
    join(folder, 'readers', 'virtual'),
    `FRIENDLYNAME "Virtual reader"\nDEVICENAME /dev/null:${port}\nLIBPATH ${library}\nCHANNELID ${port}\n`,
  );
}

export class Daemon {
  #options;
  #port;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;

  /** @param {Options} options @param {number} port on which the driver waits for a card */
  constructor(options, port) {
    this.#options = options;
    this.#port = port;
    configure(options, port);
  }

  /** Resolves when both slots of the reader exist. */
  async start() {
    if (namespace === undefined) throw new Error('no mount namespace can be had');
    const { pcscd, folder } = this.#options;
    const run = join(folder, 'run');
    rmSync(run, { recursive: true, force: true });
    mkdirSync(run);
    const help = spawnSync(pcscd, ['--help'], { encoding: 'utf8' });
    const flags = ['--foreground', '--config', join(folder, 'readers')];
    if (`${help.stdout}${help.stderr}`.includes('--disable-polkit')) flags.push('--disable-polkit');
    const child = spawn('unshare', [...namespace, 'sh', '-c', MOUNTS, 'sh', run, pcscd, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        output += text;
      });
    }
    const ended = new Promise((_, reject) => {
      child.once('exit', () => reject(new Error(`pcscd ended: ${output}`)));
    });
    ended.catch(() => {}); // stopping it later rejects the promise
    // The second slot is created last. It works once pcscd has detected a card that is inserted for a short time.
    const card = await Promise.race([connected(this.#port + 1), ended]);
    await Promise.race([once(card, 'data'), ended]);
    card.destroy();
    while (!existsSync(join(run, 'pcscd.comm'))) await Promise.race([wait(20), ended]);
  }

  /** Kills it to simulate a crash. */
  async stop() {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}
