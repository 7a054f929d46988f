// @ts-check
// A SoftHSM2 token behind a p11-kit server, and the client that reaches it over a socket: an HSM in another process that can be
// killed. For tests and for the soak.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createSoftToken, FaultModule } from 'cryptoki/testing';
import { findSoftHSM } from '../../scripts/softhsm.mjs';

/**
 * @typedef {object} Server
 * @property {string} module path of the module: p11-kit's client behind a fault module without a plan
 * @property {FaultModule} watcher that fault module, which only counts calls
 * @property {import('cryptoki').ModuleOptions} moduleOptions options for opening it. When the connection breaks while several
 *   threads wait for answers, p11-kit's client (0.24) does not wake some of them, and they hang. So calls run one at a time;
 *   the server is not faster either
 * @property {string} label
 * @property {string} pin
 * @property {() => void} save stores the state of the token. A process that is killed while it writes leaves a damaged token
 *   (SoftHSM2 writes at each login), unlike an HSM. From then on each kill restores this state
 * @property {() => Promise<void>} start starts the server if it does not run
 * @property {() => Promise<void>} kill ends the server and all its connections at once (SIGKILL)
 * @property {(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => Promise<void>} signal sends a signal to the processes that serve one
 *   connection each; resolves when killed ones have ended
 * @property {() => Promise<void>} stop ends the server and removes its files
 */

/** @param {(string | undefined)[]} paths */
const find = (...paths) => paths.find((path) => path !== undefined && existsSync(path));

function findClient() {
  if (!existsSync('/usr/lib')) return undefined;
  const triplets = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  const folders = ['/usr/lib', ...triplets.map((folder) => join('/usr/lib', folder)), '/usr/lib64'];
  return find(...folders.map((folder) => join(folder, 'pkcs11/p11-kit-client.so')));
}

const client = findClient();
const program = find('/usr/bin/p11-kit', '/usr/local/bin/p11-kit');
const server = find('/usr/libexec/p11-kit/p11-kit-server', '/usr/lib/p11-kit/p11-kit-server');

/** Reason why a p11-kit server cannot be started on this machine; undefined if it can. */
export const whyNoServer =
  client === undefined || program === undefined || server === undefined
    ? 'needs p11-kit with its server, and p11-kit-client.so: p11-kit, p11-kit-modules'
    : findSoftHSM() === undefined
      ? 'needs a SoftHSM2 behind it: libsofthsm2'
      : undefined;

/** The child processes of a process. @param {number} pid */
function childrenOf(pid) {
  /** @param {string} child */
  const parentOf = (child) => {
    try {
      const stat = readFileSync(`/proc/${child}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      return 0; // the process has ended
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

/** True if a process runs, which a zombie does not. @param {number} pid */
function isRunning(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]$/.test(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0] ?? '');
  } catch {
    return false;
  }
}

/** @param {number} pid @param {NodeJS.Signals} signal */
function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}

/** True if a server accepts connections; its socket file exists earlier. @param {string} socket @returns {Promise<boolean>} */
function answers(socket) {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => connection.destroy());
    connection.once('error', () => resolve(false));
    connection.once('close', (failed) => resolve(!failed));
  });
}

/**
 * Makes the token and starts the server. Call it before the module is opened.
 * @param {string} [label]
 * @returns {Promise<Server>}
 */
export async function startServer(label = 'remote') {
  if (client === undefined || program === undefined) throw new Error(whyNoServer);
  const soft = findSoftHSM();
  const directory = mkdtempSync(join(tmpdir(), 'ck-')); // short: paths of sockets are limited to 107 bytes
  const token = await createSoftToken({ label, ...(soft === undefined ? {} : { module: soft }) });
  const socket = join(directory, 's');
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;

  async function start() {
    if (child !== undefined) return;
    const args = ['server', '-f', '-n', socket, '--provider', token.module, 'pkcs11:'];
    const env = { ...process.env, XDG_RUNTIME_DIR: directory, SOFTHSM2_CONF: token.config };
    rmSync(socket, { force: true });
    child = spawn(/** @type {string} */ (program), args, { stdio: 'ignore', env });
    for (let i = 0; i < 500; i++) {
      if (await answers(socket)) return;
      await wait(10);
    }
    throw new Error('p11-kit server does not start here');
  }

  const [tokens, saved] = [join(token.directory, 'tokens'), join(directory, 'tokens')];
  function restore() {
    if (!existsSync(saved)) return;
    rmSync(tokens, { recursive: true });
    cpSync(saved, tokens, { recursive: true });
  }

  /** Also suspends the server, which could otherwise serve one more connection. @param {number} pid */
  async function killConnections(pid) {
    send(pid, 'SIGSTOP');
    const children = childrenOf(pid);
    for (const each of children) send(each, 'SIGKILL');
    while (children.some(isRunning)) await wait(1);
    restore();
  }

  async function kill() {
    const its = child;
    if (its?.pid === undefined) return;
    child = undefined;
    const ended = new Promise((resolve) => its.once('exit', resolve));
    await killConnections(its.pid);
    send(its.pid, 'SIGKILL');
    await ended;
    rmSync(socket, { force: true });
  }

  process.once('exit', () => {
    if (child?.pid !== undefined) send(child.pid, 'SIGKILL');
  });
  await start();
  // Read when the library is loaded and then stored, so each server needs a copy of the library.
  process.env.P11_KIT_SERVER_ADDRESS = `unix:path=${socket}`;
  const watcher = await FaultModule.create({ module: client, copyModule: true });
  return {
    module: watcher.path,
    watcher,
    moduleOptions: { locking: 'module' },
    label: token.label,
    pin: token.pin,
    save: () => cpSync(tokens, saved, { recursive: true }),
    start,
    kill,
    signal: async (signal) => {
      if (child?.pid === undefined) return;
      if (signal === 'SIGKILL') {
        await killConnections(child.pid);
        send(child.pid, 'SIGCONT');
      } else {
        for (const pid of childrenOf(child.pid)) send(pid, signal);
      }
    },
    stop: async () => {
      await kill();
      await watcher[Symbol.asyncDispose]();
      token.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
