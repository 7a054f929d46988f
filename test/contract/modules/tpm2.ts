import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CKF, CKU, load } from 'cryptoki/raw';
import { tpm2 as expectations } from '../expectations/tpm2';
import {
  type ContractModule,
  library,
  NotStarted,
  privateDirectory,
  program,
  start,
} from './contract-module';

const path = library('pkcs11/libtpm2_pkcs11.so', 'libtpm2_pkcs11.so.1', 'pkcs11/libtpm2_pkcs11.so.1');
const PROGRAMS = ['swtpm', 'tpm2-abrmd', 'dbus-daemon', 'dbus-send', 'tpm2_dictionarylockout'];
const missing = [
  ...(path === undefined ? ['libtpm2_pkcs11.so'] : []),
  ...(library('libtss2-tcti-tabrmd.so.0') === undefined ? ['libtss2-tcti-tabrmd.so.0'] : []),
  ...PROGRAMS.filter((name) => program(name) === undefined),
];
const PIN = '12345678';
const SO_PIN = '87654321';
const BUS = 'com.intel.tss2.Tabrmd';

/** Waits for a file or socket that another process creates. */
async function until(isThere: () => boolean): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (isThere()) return;
    await wait(100);
  }
  throw new NotStarted('the software TPM does not start here');
}

/** tpm2-pkcs11 on a software TPM behind a resource manager, on a message bus of its own. */
export const tpm2: ContractModule = {
  name: 'tpm2-pkcs11',
  whyNot:
    missing.length > 0 ? `needs tpm2-pkcs11, swtpm and tpm2-abrmd: no ${missing.join(', ')}` : undefined,
  expectations,
  async start() {
    if (path === undefined) throw new Error('libtpm2_pkcs11.so is missing');
    const directory = privateDirectory();
    const children: ChildProcess[] = [];
    const run = (name: string, args: string[], stdio: 'ignore' | 'pipe' = 'ignore'): ChildProcess => {
      const child = start(program(name) ?? name, args, { stdio: ['ignore', stdio, 'ignore'] });
      children.unshift(child);
      return child;
    };
    const stop = async (): Promise<void> => {
      for (const child of children) {
        if (child.exitCode !== null) continue;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      directory.remove();
    };
    try {
      const bus = run('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address'], 'pipe');
      const [address] = (await once(bus.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      const [state, store, socket] = ['state', 'store', 's'].map((name) => join(directory.path, name)) as [
        string,
        string,
        string,
      ];
      mkdirSync(state);
      mkdirSync(store);
      const tabrmd = 'tabrmd:bus_type=session';
      Object.assign(process.env, {
        DBUS_SESSION_BUS_ADDRESS: address.toString().trim(),
        TPM2_PKCS11_STORE: store,
        TPM2_PKCS11_TCTI: tabrmd,
        TPM2TOOLS_TCTI: tabrmd,
        TPM2_PKCS11_LOG_LEVEL: '0',
        TSS2_LOG: 'all+NONE',
      });
      const unix = (file: string): string => `type=unixio,path=${file}`;
      const flags = ['--flags', 'not-need-init,startup-clear'];
      const servers = ['--server', unix(socket), '--ctrl', unix(`${socket}.ctrl`)];
      run('swtpm', ['socket', '--tpm2', '--tpmstate', `dir=${state}`, ...servers, ...flags]);
      await until(() => existsSync(`${socket}.ctrl`));
      const root = process.getuid?.() === 0 ? ['--allow-root'] : [];
      run('tpm2-abrmd', ['--session', ...root, `--tcti=swtpm:path=${socket}`, '--max-transients=100']);
      const ask = [
        '--session',
        '--print-reply',
        '--dest=org.freedesktop.DBus',
        '/',
        'org.freedesktop.DBus.NameHasOwner',
      ];
      await until(() => String(spawnSync('dbus-send', [...ask, `string:${BUS}`]).stdout).includes('true'));
      // Three wrong PINs would lock the whole TPM for minutes.
      const relax = [
        '--setup-parameters',
        '--max-tries=100',
        '--recovery-time=1',
        '--lockout-recovery-time=1',
      ];
      spawnSync('tpm2_dictionarylockout', relax);
      const raw = await load(path);
      await raw.C_Initialize();
      const slot = (await raw.C_GetSlotList(true)).at(-1) as bigint;
      await raw.C_InitToken(slot, SO_PIN, 'contract');
      const session = await raw.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
      await raw.C_Login(session, CKU.SO, SO_PIN);
      await raw.C_InitPIN(session, PIN);
      await raw.C_Finalize();
    } catch (error) {
      await stop();
      throw error;
    }
    return { path, selector: { label: 'contract' }, pin: PIN, soPin: SO_PIN, stop };
  },
};
