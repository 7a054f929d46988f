import { argumentError, requireOptions } from '../core/arguments';
import { CryptokiError, isCode } from '../core/errors';
import { asyncDispose } from '../core/realms';
import { ONLY } from '../core/selection';
import type { InitializeOptions, LoadOptions, RawModule, RawVersion } from '../raw';
import { load } from '../raw';
import { Slot } from './slot';
import { SlotObserver } from './slots/slot-observer';
import { SlotWatcher, type WatchOptions } from './slots/slot-watcher';
import { checkSelector, describeToken, matchesToken, type TokenSelection } from './slots/token-selector';
import type { Token } from './token';

/** How a module is loaded and initialised. */
export interface ModuleOptions extends LoadOptions, InitializeOptions {}

/** The names of {@link ModuleOptions}. @internal */
export const MODULE_OPTIONS = [
  ...['symbolBinding', 'interface', 'locking', 'libraryParameters'],
  ...['signalHandlers', 'exitHandlers'],
] as const;

/** C_GetInfo (PKCS#11 3.1, section 3.1). */
export interface ModuleInfo {
  /** Version of PKCS#11 that the module implements. */
  readonly cryptokiVersion: RawVersion;
  readonly manufacturer: string;
  readonly description: string;
  /** Version of the module itself. */
  readonly libraryVersion: RawVersion;
}

/**
 * A PKCS#11 module: the shared library of a vendor, loaded and initialised.
 *
 * ```ts
 * await using module = await Module.open('/usr/lib/softhsm/libsofthsm2.so');
 * ```
 */
export class Module implements AsyncDisposable {
  /** The functions of the module as they are; what they change behind the model's back is theirs to know. */
  readonly raw: RawModule;
  /** The path given to {@link Module.open}. */
  readonly path: string;
  #closing: Promise<void> | undefined;
  readonly #slots = new Map<bigint, Slot>();
  readonly #observer = new SlotObserver<Slot, Token>(this);

  private constructor(raw: RawModule, path: string) {
    this.raw = raw;
    this.path = path;
  }

  /**
   * Loads a module and initialises it (C_Initialize, PKCS#11 3.1, section 5.4.1). Opening one twice is fine: uses are
   * counted over the process, worker threads included.
   * @param path file of the module, or a bare library name for the system's search path
   * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD, ERR_CRYPTOKI_MODULE_NOT_PKCS11; what C_Initialize
   *   returned
   */
  static async open(path: string, options: ModuleOptions = {}): Promise<Module> {
    requireOptions(options, 'the options of Module.open', MODULE_OPTIONS);
    const { symbolBinding, interface: version, ...initialise } = options;
    const raw = await load(path, { symbolBinding, interface: version });
    await raw.C_Initialize(initialise);
    return new Module(raw, path);
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** C_GetInfo. */
  async info(): Promise<ModuleInfo> {
    const info = await this.use().C_GetInfo();
    return {
      cryptokiVersion: info.cryptokiVersion,
      manufacturer: info.manufacturerID,
      description: info.libraryDescription,
      libraryVersion: info.libraryVersion,
    };
  }

  /**
   * The slots of the module (C_GetSlotList, PKCS#11 3.1, section 5.5.1).
   * @param options.tokenPresent only slots that hold a token
   */
  async slots(options: { tokenPresent?: boolean } = {}): Promise<Slot[]> {
    requireOptions(options, 'the options of slots', ['tokenPresent']);
    const ids = await this.use().C_GetSlotList(options.tokenPresent ?? false);
    return ids.map((id) => this.#slot(id));
  }

  /**
   * The slot with this identifier.
   * @throws ERR_CRYPTOKI_SLOT_NOT_FOUND
   */
  async slot(id: number | bigint): Promise<Slot> {
    if (typeof id !== 'bigint' && !Number.isSafeInteger(id)) {
      throw argumentError(TypeError, 'a slot identifier must be an integer (number or bigint)');
    }
    const slots = await this.slots();
    const found = slots.find((slot) => slot.id === BigInt(id));
    if (found !== undefined) return found;
    const known = slots.map((slot) => slot.id).join(', ') || 'none';
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_SLOT_NOT_FOUND',
      detail: `the module has no slot ${id}; it has: ${known}`,
    });
  }

  /** The tokens that are present. Slots whose token cannot be asked are passed over. */
  async tokens(): Promise<Token[]> {
    return (await this.askTokens()).tokens;
  }

  /**
   * The tokens that are present, and the errors of those that could not be asked.
   * @internal
   */
  async askTokens(): Promise<{ readonly tokens: Token[]; readonly refusals: readonly TokenRefusal[] }> {
    const slots = await this.slots({ tokenPresent: true });
    const refusals: TokenRefusal[] = [];
    const ask = async (slot: Slot): Promise<Token | undefined> => {
      try {
        return await slot.token();
      } catch (error) {
        const refusal = unlessClosed(error);
        if (!isCode(refusal, ...NO_TOKEN)) refusals.push({ slot: slot.id, error: refusal });
        return undefined;
      }
    };
    const tokens = await Promise.all(slots.map(ask));
    return { tokens: tokens.filter((token) => token !== undefined), refusals };
  }

  /**
   * The one token that fits the selector; without an argument, or with 'only', the only initialised token there is. A selector
   * with an undefined member, or without members, is refused: an unset variable must not choose the token.
   * @throws ERR_CRYPTOKI_TOKEN_NOT_FOUND, ERR_CRYPTOKI_TOKEN_AMBIGUOUS; both name the tokens that are there. What
   *   C_GetTokenInfo returned, when none fits and a slot that may hold the token could not be asked for it. TypeError
   *   ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
   */
  async token(...given: [selector?: TokenSelection]): Promise<Token> {
    const selector = given.length === 0 ? ONLY : (given[0] as TokenSelection);
    checkSelector(selector);
    const { tokens, refusals } = await this.askTokens();
    const found = tokens.filter((token) => matchesToken(token, selector));
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    const wanted =
      selector === ONLY
        ? "'only' (the only initialised one)"
        : JSON.stringify(selector, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    if (found.length > 1) {
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_TOKEN_AMBIGUOUS',
        detail: `${found.length} tokens match ${wanted}: ${found.map(describeToken).join('; ')}. Add serialNumber or slot`,
      });
    }
    const slot = selector === ONLY ? undefined : selector.slot;
    throwRefusal(refusals, (id) => slot === undefined || BigInt(slot) === id);
    const isPassedOver = selector === ONLY && tokens.some(({ initialized }) => !initialized);
    const help = isPassedOver
      ? '. Without a selector only initialised tokens are taken (CKF_TOKEN_INITIALIZED): initialise the token, or name it by its label, serial number or slot if the module forgets the flag'
      : '';
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
      detail: `no token matches ${wanted}; there are: ${tokens.map(describeToken).join('; ') || 'none'}${help}`,
    });
  }

  /**
   * Finalises the module and initialises it again (C_Finalize, C_Initialize), for all who use it in this process: the way
   * back for one that answers every call with an error since its device or server went away. Every session and every login
   * is gone afterwards. Calls in flight end first.
   * @param options.since what RawModule.reinitialisations() gave: nothing is done when there was one since then
   * @throws ERR_CRYPTOKI_MODULE_SHARED when something outside of this package has initialised it; what C_Initialize returned
   */
  async reinitialise(options: { readonly since?: number } = {}): Promise<void> {
    requireOptions(options, 'the options of reinitialise', ['since']);
    try {
      await this.use().reinitialise(options.since);
    } finally {
      this.#sweep();
    }
  }

  /**
   * Watches for tokens that are inserted and removed, beginning with those that are there. It stands on the blocking
   * C_WaitForSlotEvent (PKCS#11 3.1, section 5.5.4) where the module has it, else it looks again and again. All watchers of
   * the module share one wait.
   * @param options.interval how often to look where the module tells of no events, in milliseconds; default 1,000
   * @param options.signal ends the watch
   * @throws ERR_CRYPTOKI_MODULE_CLOSED; the reason of a signal that was aborted before
   */
  watch(options: WatchOptions = {}): SlotWatcher {
    this.use();
    return new SlotWatcher(this.#observer, options);
  }

  /**
   * Ends the use of the module: its watchers end, calls in flight end first, the sessions opened through this object are
   * closed, and the module is finalised when nothing else in the process uses it (C_Finalize, PKCS#11 3.1, section 5.4.2).
   * A second call returns the promise of the first, unless that has failed: then it is tried again.
   * @throws what C_Finalize returned; the module can be used and closed as before, its sessions are gone
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#observer.end();
      this.#closing = this.raw
        .C_Finalize()
        .catch((error) => {
          this.#closing = undefined;
          throw error;
        })
        .finally(() => this.#sweep());
    }
    return this.#closing;
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The raw module, for use by the model.
   * @internal
   */
  use(): RawModule {
    if (!this.closed) return this.raw;
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_MODULE_CLOSED',
      detail: `the module ${this.path} was closed; open it again with Module.open()`,
      action: 'reinitialise',
    });
  }

  /** Sessions that are gone hear it. */
  #sweep(): void {
    for (const slot of this.#slots.values()) slot.login.sweep();
  }

  #slot(id: bigint): Slot {
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = new Slot(this, id);
      this.#slots.set(id, slot);
    }
    return slot;
  }
}

/** What C_GetTokenInfo returned for a slot that holds a token. */
export interface TokenRefusal {
  /** CK_SLOT_ID */
  readonly slot: bigint;
  readonly error: CryptokiError;
}

/** What C_GetTokenInfo returns for a slot without a token that could be used. */
const NO_TOKEN = [
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_DEVICE_REMOVED',
  'CKR_SLOT_ID_INVALID',
];

/**
 * The token that is missing may be in a slot that could not be asked.
 * @throws what C_GetTokenInfo returned for the first slot that fits
 */
export function throwRefusal(
  refusals: readonly TokenRefusal[],
  fits: (slot: bigint) => boolean = () => true,
): void {
  const refusal = refusals.find(({ slot }) => fits(slot));
  if (refusal === undefined) return;
  const { slot, error } = refusal;
  if (error.rv === undefined) throw error;
  throw new CryptokiError({
    rv: error.rv,
    function: 'C_GetTokenInfo',
    detail: `slot ${slot} could not be asked for its token, and no token in another slot matches`,
    cause: error,
  });
}

function unlessClosed(error: unknown): CryptokiError {
  const isClosed = isCode(error, 'CKR_CRYPTOKI_NOT_INITIALIZED', 'ERR_CRYPTOKI_MODULE_CLOSED');
  if (!isClosed && error instanceof CryptokiError) return error;
  throw error;
}
