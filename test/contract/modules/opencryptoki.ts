import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CKF, CKU, load } from 'cryptoki/raw';
import { opencryptoki as expectations } from '../expectations/opencryptoki';
import { type ContractModule, library, NotStarted, program, start } from './contract-module';

const path = library('opencryptoki/libopencryptoki.so.0');
const daemon = program('pkcsslotd');
const STATE = '/var/lib/opencryptoki/swtok';
const SOCKETS = ['/var/run/pkcsslotd.socket', '/run/opencryptoki/pkcsslotd.socket'];
const PID_FILES = ['/var/run/pkcsslotd.pid', '/run/opencryptoki/pkcsslotd.pid'];
/** The slot of the soft token in the configuration of the distribution's package. */
const SLOT = 3n;
const FACTORY_SO_PIN = '87654321';
const PIN = '1234567';
const SO_PIN = '7654321';

const isRunning = (): boolean => SOCKETS.some((socket) => existsSync(socket));

/** openCryptoki uses fixed paths, so the suite must not touch the token of a real installation. */
function whyNot(): string | undefined {
  if (path === undefined || daemon === undefined) return 'needs openCryptoki: opencryptoki';
  if (process.getuid?.() !== 0) return 'needs root, for the places that openCryptoki has compiled in';
  if (isRunning()) return 'its daemon runs already, for somebody else';
  if (existsSync(join(STATE, 'NVTOK.DAT'))) return 'this machine has a soft token already';
  return undefined;
}

function removeToken(): void {
  if (!existsSync(STATE)) return;
  for (const file of readdirSync(STATE)) {
    if (/^(NVTOK|MK_)/.test(file)) rmSync(join(STATE, file));
  }
  for (const file of readdirSync(join(STATE, 'TOK_OBJ'))) rmSync(join(STATE, 'TOK_OBJ', file));
}

/** Removes the files of a daemon that ended without cleaning up, because they prevent the start of another one. */
function removeFiles(): void {
  for (const file of [...SOCKETS, ...PID_FILES]) rmSync(file, { force: true });
}

/** The soft token of openCryptoki with a daemon of its own. */
export const opencryptoki: ContractModule = {
  name: 'openCryptoki',
  whyNot: whyNot(),
  expectations,
  async start() {
    if (path === undefined || daemon === undefined) throw new Error('openCryptoki is missing');
    const child = start(daemon, ['-f']);
    const stop = async (): Promise<void> => {
      const ended = once(child, 'exit');
      // Later versions run in the background in spite of -f and write their process ID here.
      for (const file of PID_FILES) {
        const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : Number.NaN;
        if (pid > 1 && pid !== child.pid) process.kill(pid);
      }
      if (child.exitCode === null && child.kill()) await ended;
      removeToken();
      removeFiles();
    };
    try {
      for (let i = 0; i < 50 && !isRunning(); i++) await wait(100);
      if (!isRunning()) throw new NotStarted('its daemon, pkcsslotd, does not start here');
      const raw = await load(path);
      await raw.C_Initialize();
      await raw.C_InitToken(SLOT, FACTORY_SO_PIN, 'contract');
      const session = await raw.C_OpenSession(SLOT, CKF.SERIAL_SESSION | CKF.RW_SESSION);
      await raw.C_Login(session, CKU.SO, FACTORY_SO_PIN);
      await raw.C_SetPIN(session, FACTORY_SO_PIN, SO_PIN);
      await raw.C_InitPIN(session, PIN);
      await raw.C_Finalize();
    } catch (error) {
      await stop();
      throw error;
    }
    return { path, selector: { label: 'contract' }, pin: PIN, soPin: SO_PIN, stop };
  },
};
