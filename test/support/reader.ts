import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { namespace } from './card/daemon.mjs';

const exists = (path: string): string | undefined => (existsSync(path) ? path : undefined);

/** A file below /usr/lib, with or without the directory of the architecture. */
function library(name: string): string | undefined {
  if (!existsSync('/usr/lib')) return undefined;
  const folders = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  return [name, ...folders.map((folder) => join(folder, name))]
    .map((path) => exists(join('/usr/lib', path)))
    .find((path) => path !== undefined);
}

const pcscd = exists('/usr/sbin/pcscd');
const driver = library('pcsc/drivers/serial/libifdvpcd.so');
const module = library('opensc-pkcs11.so');

/** Reason why no virtual smart card reader can be started on this machine; undefined if one can. */
export const whyNoReader: string | undefined =
  pcscd === undefined || driver === undefined || module === undefined
    ? 'needs pcscd, vsmartcard-vpcd and opensc-pkcs11'
    : namespace === undefined
      ? 'needs a mount namespace (unshare --mount)'
      : undefined;

/** Reason why no reader with a PIN pad is available; undefined if one is. */
export const whyNoPinPad: string | undefined =
  whyNoReader ?? (spawnSync('cc', ['--version']).status === 0 ? undefined : 'needs a C compiler (cc)');

/** The PIV cards of a reader: key 9A on P-256, and 9C on RSA-2048, which needs the PIN for each signature; PIN 123456. */
export interface Card {
  /**
   * Inserts a card, in place of a present one. If OpenSC does not poll in between, it takes the new card for the old one after a
   * reset.
   * @param options.card name of the card, from which its serial number is made; null for a card that no driver supports
   * @param options.wait true: resolves after pcscd has detected it; default true
   */
  insert(options?: { card?: string | null; wait?: boolean }): Promise<void>;
  /** Removes the card, also in the middle of a command. */
  remove(options?: { wait?: boolean }): Promise<void>;
  /** Duration of each command from now on, in milliseconds. */
  delay(milliseconds: number): Promise<void>;
  /**
   * Makes the next commands fail.
   * @param word status word, such as 0x6f00
   * @param options.instruction the affected commands; default GENERAL AUTHENTICATE, which signs
   * @param options.count number of commands; default 1
   */
  fail(word: number, options?: { instruction?: number; count?: number }): Promise<void>;
  /** Types a PIN, 'cancel' or 'timeout' on the PIN pad. Returns true if the pad was waiting for input. */
  type(pin: string): Promise<boolean>;
  /** Sets the PIN of a card and resets its tries. */
  setPin(pin: string, card?: string): Promise<void>;
  /** State of a card and its reader; `commands` counts those of all cards since the start. */
  state(card?: string): Promise<{ present: boolean; pinTries: number; commands: number }>;
}

/** A virtual smart card reader, and OpenSC, which uses it. */
export interface Reader {
  /** Path of OpenSC. */
  readonly module: string;
  readonly card: Card;
  /** Kills pcscd. */
  kill(): Promise<void>;
  /** Starts pcscd after it was killed, with an empty reader. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Calls the methods of card/main.mjs. */
class Remote {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, PromiseWithResolvers>();
  #last = 0;
  readonly ready: Promise<unknown>;

  constructor(options: object) {
    const program = new URL('./card/main.mjs', import.meta.url);
    this.#child = fork(program, [JSON.stringify(options)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.ready = this.#expect(0);
    this.#child.on('message', ({ id, result, error }: Answer) => {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(error));
    });
    this.#child.on('exit', () => {
      for (const call of this.#calls.values()) call.reject(new Error('the process of the card has ended'));
    });
  }

  #expect(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  async call<T>(method: string, ...parameters: unknown[]): Promise<T> {
    this.#last += 1;
    const answer = this.#expect(this.#last);
    this.#child.send({ id: this.#last, method, parameters });
    return (await answer) as T;
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await ended;
  }
}

interface PromiseWithResolvers {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Starts pcscd with an empty virtual reader. Call it before the module is opened, and once per test file, because the PC/SC
 * library stores the address of its daemon.
 * @param options.pinPad true: the reader has a PIN pad
 */
export async function startReader(options: { pinPad?: boolean } = {}): Promise<Reader> {
  const { pinPad = false } = options;
  const why = pinPad ? whyNoPinPad : whyNoReader;
  if (why !== undefined || driver === undefined || module === undefined) throw new Error(why);
  const folder = mkdtempSync(join(tmpdir(), 'cryptoki-card-'));
  const settings = join(folder, 'opensc.conf');
  writeFileSync(settings, 'app default { card_drivers = PIV-II; }\n'); // trying all drivers takes seconds
  process.env.OPENSC_CONF = settings;
  process.env.PCSCLITE_CSOCK_NAME = join(folder, 'run', 'pcscd.comm');
  const remote = new Remote({ pcscd, driver: realpathSync(driver), pinPad, folder });
  await remote.ready;
  await remote.call('start');
  return {
    module,
    card: {
      insert: (how = {}) => remote.call('insert', how),
      remove: (how = {}) => remote.call('remove', how),
      delay: (milliseconds) => remote.call('delay', milliseconds),
      fail: (word, how = {}) => remote.call('fail', word, how),
      type: (pin) => remote.call('type', pin),
      setPin: (pin, card) => remote.call('setPin', pin, card),
      state: (card) => remote.call('state', card),
    },
    kill: () => remote.call('kill'),
    start: () => remote.call('start'),
    stop: () => remote.end(),
  };
}
