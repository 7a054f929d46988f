// @ts-check
// pcscd with the virtual reader, out of everybody's way: in a mount namespace it has a /run of its own and sees no driver
// but ours, so that it neither meets the system's daemon nor touches real readers. Its socket lies in a private folder.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connected } from './connection.mjs';

/** Runs a script in the namespace; the daemon dies with this process. */
const MOUNTS = `
  set -e
  if [ -d /usr/lib/pcsc/drivers ]; then mount -t tmpfs tmpfs /usr/lib/pcsc/drivers; fi
  mount -t tmpfs tmpfs /run
  mkdir /run/pcscd
  mount --bind "$1" /run/pcscd
  shift
  exec setpriv --pdeathsig KILL "$@"`;

/** The arguments of unshare with which a mount namespace can be had here: as root, else in a user namespace. */
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
  const copy = join(folder, 'libifdvpcd.so.0'); // the name that it has for the linker
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

  /** @param {Options} options @param {number} port where the driver waits for a card */
  constructor(options, port) {
    this.#options = options;
    this.#port = port;
    configure(options, port);
  }

  /** Resolves when both slots of the reader are there. */
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
    ended.catch(() => {}); // later it is stopped
    // The second slot is made last. A card that is there for a moment, until it is seen, shows that it works.
    const card = await Promise.race([connected(this.#port + 1), ended]);
    await Promise.race([once(card, 'data'), ended]);
    card.destroy();
    while (!existsSync(join(run, 'pcscd.comm'))) await Promise.race([wait(20), ended]);
  }

  /** Kills it, as a crash would. */
  async stop() {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}
