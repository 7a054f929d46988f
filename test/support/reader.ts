import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const SOCKET = '/run/pcscd/pcscd.comm';

const exists = (path: string): string | undefined => (existsSync(path) ? path : undefined);

/** A file below /usr/lib, with or without the folder of the architecture. */
function library(name: string): string | undefined {
  if (!existsSync('/usr/lib')) return undefined;
  const folders = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  return [name, ...folders.map((folder) => join(folder, name))]
    .map((path) => exists(join('/usr/lib', path)))
    .find((path) => path !== undefined);
}

function mayRun(): boolean {
  try {
    accessSync('/run', constants.W_OK);
    return !existsSync(SOCKET); // not beside the system's own daemon
  } catch {
    return false;
  }
}

const daemon = exists('/usr/sbin/pcscd');
const driver = library('pcsc/drivers/serial/libifdvpcd.so');
const module = library('opensc-pkcs11.so');

/** Why no virtual smart card reader can be started here; undefined when one can. */
export const whyNoReader: string | undefined =
  daemon === undefined || driver === undefined || module === undefined
    ? 'needs pcscd, vsmartcard-vpcd and opensc-pkcs11'
    : mayRun()
      ? undefined
      : 'needs to write to /run, and no other pcscd';

/** A virtual smart card reader without a card, and OpenSC, which sees it. */
export interface Reader {
  readonly module: string;
  stop(): Promise<void>;
}

/** Starts pcscd with a virtual reader. */
export async function startReader(): Promise<Reader> {
  if (daemon === undefined || module === undefined) throw new Error(whyNoReader);
  const folder = mkdtempSync(join(tmpdir(), 'cryptoki-reader-'));
  const port = '0x8C7C';
  writeFileSync(
    join(folder, 'vpcd'),
    `FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:${port}\nLIBPATH ${driver}\nCHANNELID ${port}\n`,
  );
  rmSync('/run/pcscd/pcscd.pid', { force: true }); // of one that was killed
  const child: ChildProcess = spawn(daemon, ['--foreground', '--config', folder], { stdio: 'ignore' });
  for (let i = 0; i < 50 && !existsSync(SOCKET); i++) await wait(100);
  await wait(500); // the driver's readers appear after the socket
  return {
    module,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
      rmSync(SOCKET, { force: true });
    },
  };
}
