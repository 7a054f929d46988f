import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createSoftToken, FaultModule } from 'cryptoki/testing';
import { findSoftHSM } from '../../scripts/softhsm.mjs';

const find = (...paths: string[]): string | undefined => paths.find((path) => existsSync(path));

function findClient(): string | undefined {
  if (!existsSync('/usr/lib')) return undefined;
  const triplets = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  const folders = ['/usr/lib', ...triplets.map((folder) => join('/usr/lib', folder)), '/usr/lib64'];
  return find(...folders.map((folder) => join(folder, 'pkcs11/p11-kit-client.so')));
}

const client = findClient();
const program = find('/usr/bin/p11-kit', '/usr/local/bin/p11-kit');
const server = find('/usr/libexec/p11-kit/p11-kit-server', '/usr/lib/p11-kit/p11-kit-server');

/** Why no p11-kit server can be started here; undefined when one can. */
export const whyNoServer: string | undefined =
  client === undefined || program === undefined || server === undefined
    ? 'needs p11-kit with its server, and p11-kit-client.so: p11-kit, p11-kit-modules'
    : findSoftHSM() === undefined
      ? 'needs a SoftHSM2 behind it: libsofthsm2'
      : undefined;

/** A SoftHSM2 token behind a p11-kit server, and the client that reaches it over a socket: an HSM in another process. */
export interface Server {
  /** Path of the module: p11-kit's client, with a fault module before it that has no plan, and only watches. */
  readonly module: string;
  readonly watcher: FaultModule;
  readonly label: string;
  readonly pin: string;
  /** Starts the server, when it is down. */
  start(): Promise<void>;
  /** Ends the server and all its connections at once (SIGKILL). */
  kill(): Promise<void>;
  /** Processes that serve a connection each. */
  connections(): number[];
  /** Sends a signal to those that serve a connection. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

/** The processes that a process has started. */
function childrenOf(pid: number): number[] {
  const parentOf = (child: string): number => {
    try {
      const stat = readFileSync(`/proc/${child}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      return 0; // it has ended
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether somebody listens: the file is there a little earlier. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => connection.destroy());
    connection.once('error', () => resolve(false));
    connection.once('close', (failed) => resolve(!failed));
  });
}

/** Makes the token and starts the server. Call it before the module is opened. */
export async function startServer(label = 'remote'): Promise<Server> {
  if (client === undefined || program === undefined) throw new Error(whyNoServer);
  const soft = findSoftHSM();
  const directory = mkdtempSync(join(tmpdir(), 'ck-')); // short: paths of sockets are limited to 107 bytes
  const token = await createSoftToken({ label, ...(soft === undefined ? {} : { module: soft }) });
  const socket = join(directory, 's');
  let child: ChildProcess | undefined;
  const connections = (): number[] => (child?.pid === undefined ? [] : childrenOf(child.pid));

  async function start(): Promise<void> {
    if (child !== undefined) return;
    const args = ['server', '-f', '-n', socket, '--provider', token.module, 'pkcs11:'];
    const env = { ...process.env, XDG_RUNTIME_DIR: directory, SOFTHSM2_CONF: token.config };
    rmSync(socket, { force: true });
    child = spawn(program as string, args, { stdio: 'ignore', env });
    for (let i = 0; i < 500; i++) {
      if (await answers(socket)) return;
      await wait(10);
    }
    throw new Error('p11-kit server does not start here');
  }

  async function kill(): Promise<void> {
    const its = child;
    if (its?.pid === undefined) return;
    const ended = new Promise((resolve) => its.once('exit', resolve));
    send(its.pid, 'SIGSTOP'); // or it could serve one more connection while its children are looked for
    for (const pid of connections()) send(pid, 'SIGKILL');
    send(its.pid, 'SIGKILL');
    child = undefined;
    await ended;
    rmSync(socket, { force: true });
  }

  process.once('exit', () => {
    if (child?.pid !== undefined) send(child.pid, 'SIGKILL');
  });
  await start();
  // Read when the library is loaded, and remembered: hence a copy of it for each server.
  process.env.P11_KIT_SERVER_ADDRESS = `unix:path=${socket}`;
  const watcher = await FaultModule.create({ module: client, copyModule: true });
  return {
    module: watcher.path,
    watcher,
    label: token.label,
    pin: token.pin,
    start,
    kill,
    connections,
    signal: (signal) => {
      for (const pid of connections()) send(pid, signal);
    },
    stop: async () => {
      await kill();
      await watcher[Symbol.asyncDispose]();
      token.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
