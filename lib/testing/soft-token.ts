import { randomInt } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { argumentError, requireOptions } from '../core/arguments';
import { CryptokiError } from '../core/errors';
import { asyncDispose, mainProcess } from '../core/realms';
import { CKF, CKU, load } from '../raw';
import { faultAddonPath, loadFaultAddon } from './fault-addon';
import { removeDirectory } from './fault-module';
import { findSoftHSM } from './find-softhsm';

/** How a {@link SoftToken} is made. */
export interface SoftTokenOptions {
  /** Path of SoftHSM2's library; CRYPTOKI_SOFTHSM2 of the environment, or where systems put it, when left out. */
  readonly module?: string | undefined;
  /** Label of the token; 'test' when left out. */
  readonly label?: string | undefined;
  /** PIN of the user, 4 to 255 bytes; made at random when left out. */
  readonly pin?: string | undefined;
  /** PIN of the security officer, 4 to 255 bytes; made at random when left out. */
  readonly soPin?: string | undefined;
  /** Whether slots are said to be for removable tokens (CKF_REMOVABLE_DEVICE). */
  readonly removable?: boolean | undefined;
}

const OPTIONS = ['module', 'label', 'pin', 'soPin', 'removable'] as const;

const randomPin = (): string => String(randomInt(1e7, 1e8));

/** False where process.env is a copy of the environment: in a worker, and in Bun. */
const isEnvironment = isMainThread && process.versions.bun === undefined;

/** Sets a variable that native code of this process will see. */
function setVariable(name: string, value: string): void {
  mainProcess.env[name] = value;
  if (mainProcess !== process) process.env[name] = value; // for what the program reads
  if (!isEnvironment) loadFaultAddon(faultAddonPath()).setVariable(name, value);
}

/**
 * A token of SoftHSM2 in a directory of its own, with a copy of the library: for tests. It is removed with
 * `await using`, or by {@link remove}.
 */
export class SoftToken implements AsyncDisposable {
  /** Path of the module: a copy of SoftHSM2's library, so that each SoftToken of a process is a module of its own. */
  readonly module: string;
  /** Label of the token. */
  readonly label: string;
  /** PIN of the user. */
  readonly pin: string;
  /** PIN of the security officer. */
  readonly soPin: string;
  /** The directory with all of it. */
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

  /** See {@link createSoftToken}. */
  static async create(options: SoftTokenOptions = {}): Promise<SoftToken> {
    requireOptions(options, 'the options of createSoftToken', OPTIONS);
    const { module: path, removable } = options;
    if (path !== undefined && typeof path !== 'string')
      throw argumentError(TypeError, 'module must be the path of a module');
    if (removable !== undefined && typeof removable !== 'boolean')
      throw argumentError(TypeError, 'removable must be a boolean');
    const library = findSoftHSM(options.module);
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

  /** The environment that SoftHSM2 needs when it is initialised: for child processes, and for {@link FaultModule}. */
  get environment(): { readonly SOFTHSM2_CONF: string } {
    return { SOFTHSM2_CONF: this.config };
  }

  /**
   * Sets SOFTHSM2_CONF in the environment of this process to this token's configuration. SoftHSM2 reads it when it is
   * initialised: with several SoftTokens, call this before each Module.open.
   */
  use(): void {
    for (const [name, value] of Object.entries(this.environment)) setVariable(name, value);
  }

  /**
   * Initialises one more token in the same directory, with the same PINs. Do it before the module is opened: SoftHSM2
   * numbers its slots anew when it is initialised.
   * @throws what the module returned
   */
  async addToken(label: string): Promise<void> {
    if (typeof label !== 'string') throw argumentError(TypeError, 'label must be a string');
    this.use();
    const raw = await load(this.module);
    await raw.C_Initialize();
    try {
      const { manufacturerID } = await raw.C_GetInfo();
      if (!manufacturerID.startsWith('SoftHSM')) {
        throw new CryptokiError({
          code: 'ERR_CRYPTOKI_UNSUPPORTED',
          detail: `tokens for tests are made in SoftHSM2 only, and this is a module of ${manufacturerID}`,
        });
      }
      const slots = await raw.C_GetSlotList(true);
      const infos = await Promise.all(slots.map((slot) => raw.C_GetTokenInfo(slot)));
      const slot = slots[infos.findIndex(({ flags }) => (flags & CKF.TOKEN_INITIALIZED) === 0)];
      if (slot === undefined) {
        throw new CryptokiError({
          code: 'ERR_CRYPTOKI_SLOT_NOT_FOUND',
          detail: 'SoftHSM2 has no free slot; close the module, then add tokens',
        });
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

  /** {@link remove}. */
  async [asyncDispose](): Promise<void> {
    this.remove();
  }
}

/**
 * Makes a token of SoftHSM2 for tests, initialised, with a PIN for the user, in a directory of its own, and sets
 * SOFTHSM2_CONF in the environment of this process for it.
 *
 * ```ts
 * await using token = await createSoftToken();
 * await using module = await Module.open(token.module);
 * const session = await (await module.token({ label: token.label })).openSession();
 * await session.login(token.pin);
 * ```
 * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND when SoftHSM2 is nowhere to be found
 */
export function createSoftToken(options: SoftTokenOptions = {}): Promise<SoftToken> {
  return SoftToken.create(options);
}
