import { randomInt } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { requireBoolean, requireOptions, requireString } from '../core/arguments';
import { ownError } from '../core/errors';
import { asyncDispose, mainProcess } from '../core/realms';
import { CKF, CKU, load } from '../raw';
import { faultAddonPath, loadFaultAddon } from './fault-addon';
import { removeDirectory } from './fault-module';
import { findSoftHSM } from './find-softhsm';

/** The options of {@link createSoftToken}. */
export interface SoftTokenOptions {
  /** Path of SoftHSM2's library; default: the variable CRYPTOKI_SOFTHSM2, or else the usual paths of systems. */
  readonly module?: string | undefined;
  /** Label of the token; default 'test'. */
  readonly label?: string | undefined;
  /** PIN of the user, 4 to 255 bytes; default: a random one. */
  readonly pin?: string | undefined;
  /** PIN of the security officer, 4 to 255 bytes; default: a random one. */
  readonly soPin?: string | undefined;
  /** True if slots have the flag for removable tokens (CKF_REMOVABLE_DEVICE); default false. */
  readonly removable?: boolean | undefined;
}

const OPTIONS = ['module', 'label', 'pin', 'soPin', 'removable'] as const;

const randomPin = (): string => String(randomInt(1e7, 1e8));

/** False if process.env is a copy of the environment (in a worker, and in Bun). */
const isEnvironment = isMainThread && process.versions.bun === undefined;

/** Sets a variable in the environment that native code of this process reads. */
function setVariable(name: string, value: string): void {
  mainProcess.env[name] = value;
  if (mainProcess !== process) process.env[name] = value; // the copy that the program reads
  if (!isEnvironment) loadFaultAddon(faultAddonPath()).setVariable(name, value);
}

/**
 * A token of SoftHSM2 in a directory of its own, with a copy of the library, for tests. `await using` or {@link remove} removes
 * it.
 */
export class SoftToken implements AsyncDisposable {
  /** Path of the module: a copy of SoftHSM2's library, so that each SoftToken of a process is a separate module. */
  readonly module: string;
  /** Label of the token. */
  readonly label: string;
  /** PIN of the user. */
  readonly pin: string;
  /** PIN of the security officer. */
  readonly soPin: string;
  /** The directory with all files. */
  readonly directory: string;
  /** Path of SoftHSM2's configuration. */
  readonly config: string;

  private constructor(options: SoftTokenOptions, library: string, directory: string) {
    this.module = join(directory, basename(library));
    this.label = options.label ?? 'test';
    this.pin = options.pin ?? randomPin();
    this.soPin = options.soPin ?? randomPin();
    this.directory = directory;
    this.config = join(directory, 'softhsm2.conf');
    const tokens = join(directory, 'tokens');
    copyFileSync(library, this.module);
    mkdirSync(tokens, { mode: 0o700 });
    const lines = [
      `directories.tokendir = ${tokens}`,
      'objectstore.backend = file',
      'log.level = ERROR',
      `slots.removable = ${options.removable ?? false}`,
    ];
    writeFileSync(this.config, `${lines.join('\n')}\n`);
  }

  /** Creates a token; see {@link createSoftToken}. */
  static async create(options: SoftTokenOptions = {}): Promise<SoftToken> {
    requireOptions(options, 'the options of createSoftToken', OPTIONS);
    const { module, removable } = options;
    if (module !== undefined) requireString(module, 'module');
    if (removable !== undefined) requireBoolean(removable, 'removable');
    const library = findSoftHSM(module);
    const directory = mkdtempSync(join(realpathSync(tmpdir()), 'cryptoki-token-')); // readable by this user only
    try {
      const token = new SoftToken(options, library, directory);
      await token.addToken(token.label);
      return token;
    } catch (error) {
      removeDirectory(directory);
      throw error;
    }
  }

  /** The environment that SoftHSM2 needs for its initialisation, for child processes and {@link FaultModule}. */
  get environment(): { readonly SOFTHSM2_CONF: string } {
    return { SOFTHSM2_CONF: this.config };
  }

  /**
   * Sets SOFTHSM2_CONF in the environment of this process to the configuration of this token. SoftHSM2 reads it when it is
   * initialised. With several SoftTokens, call this before each Module.open.
   */
  use(): void {
    for (const [name, value] of Object.entries(this.environment)) setVariable(name, value);
  }

  /**
   * Initialises another token in the same directory, with the same PINs. Call it before the module is opened, because SoftHSM2
   * renumbers its slots when it is initialised.
   * @throws the error of the module; ERR_CRYPTOKI_UNSUPPORTED for another module than SoftHSM2
   */
  async addToken(label: string): Promise<void> {
    requireString(label, 'label');
    this.use();
    const raw = await load(this.module);
    await raw.C_Initialize();
    try {
      const { manufacturerID } = await raw.C_GetInfo();
      if (!manufacturerID.startsWith('SoftHSM')) {
        throw ownError(
          'ERR_CRYPTOKI_UNSUPPORTED',
          `tokens for tests can be created in SoftHSM2 only; this is a module of ${manufacturerID}`,
        );
      }
      const slots = await raw.C_GetSlotList(true);
      const infos = await Promise.all(slots.map((slot) => raw.C_GetTokenInfo(slot)));
      const slot = slots[infos.findIndex(({ flags }) => (flags & CKF.TOKEN_INITIALIZED) === 0)];
      if (slot === undefined) {
        throw ownError(
          'ERR_CRYPTOKI_SLOT_NOT_FOUND',
          'SoftHSM2 has no free slot; close the module, then add tokens',
        );
      }
      await raw.C_InitToken(slot, this.soPin, label);
      const session = await raw.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
      await raw.C_Login(session, CKU.SO, this.soPin);
      await raw.C_InitPIN(session, this.pin);
    } finally {
      await raw.C_Finalize();
    }
  }

  /** Removes the directory. Close the module first. */
  remove(): void {
    removeDirectory(this.directory);
  }

  /** Calls {@link remove}. */
  async [asyncDispose](): Promise<void> {
    this.remove();
  }
}

/**
 * Creates an initialised token of SoftHSM2 for tests, with a PIN for the user, in a directory of its own, and sets SOFTHSM2_CONF in
 * the environment of this process.
 *
 * ```ts
 * await using token = await createSoftToken();
 * await using module = await Module.open(token.module);
 * const session = await (await module.token({ label: token.label })).openSession();
 * await session.login(token.pin);
 * ```
 * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND without SoftHSM2; TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function createSoftToken(options: SoftTokenOptions = {}): Promise<SoftToken> {
  return SoftToken.create(options);
}
