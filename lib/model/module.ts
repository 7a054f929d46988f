import { requireOptions } from '../core/arguments';
import { CryptokiError, isCode, ownError } from '../core/errors';
import { asyncDispose } from '../core/realms';
import { ONLY } from '../core/selection';
import type { InitializeOptions, LoadOptions, RawModule, RawVersion } from '../raw';
import { load } from '../raw';
import { Slot } from './slot';
import { NO_TOKEN, SlotObserver } from './slots/slot-observer';
import { SlotWatcher, type WatchOptions } from './slots/slot-watcher';
import {
  checkSelector,
  describeToken,
  matchesToken,
  requireSlotId,
  type TokenSelection,
} from './slots/token-selector';
import type { Token } from './token';

/** The options with which a module is loaded and initialised. */
export interface ModuleOptions extends LoadOptions, InitializeOptions {}

/** The names of {@link ModuleOptions}. @internal */
export const MODULE_OPTIONS = [
  ...['symbolBinding', 'interface', 'locking', 'libraryParameters'],
  ...['signalHandlers', 'exitHandlers'],
] as const;

/** The result of C_GetInfo (PKCS#11 3.1, section 3.1). */
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
  /** The C functions of the module. The model does not notice all changes that calls through it make. */
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
   * Loads a module and initialises it (C_Initialize, PKCS#11 3.1, section 5.4.1). A module can be opened more than once:
   * uses are counted over the process, worker threads included.
   * @param path file of the module, or a bare library name for the system's search path
   * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD, ERR_CRYPTOKI_MODULE_NOT_PKCS11; errors of C_Initialize
   */
  static async open(path: string, options: ModuleOptions = {}): Promise<Module> {
    requireOptions(options, 'the options of Module.open', MODULE_OPTIONS);
    const { symbolBinding, interface: version, ...initialise } = options;
    const raw = await load(path, { symbolBinding, interface: version });
    await raw.C_Initialize(initialise);
    return new Module(raw, path);
  }

  /** True after {@link close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Reads information about the module (C_GetInfo). */
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
   * Lists the slots of the module (C_GetSlotList, PKCS#11 3.1, section 5.5.1).
   * @param options.tokenPresent true for slots that hold a token only; default false
   */
  async slots(options: { tokenPresent?: boolean } = {}): Promise<Slot[]> {
    requireOptions(options, 'the options of slots', ['tokenPresent']);
    const ids = await this.use().C_GetSlotList(options.tokenPresent ?? false);
    return ids.map((id) => this.#slot(id));
  }

  /**
   * Returns the slot with this identifier.
   * @throws ERR_CRYPTOKI_SLOT_NOT_FOUND; TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE
   */
  async slot(id: number | bigint): Promise<Slot> {
    requireSlotId(id, 'the slot identifier');
    const slots = await this.slots();
    const found = slots.find((slot) => slot.id === BigInt(id));
    if (found !== undefined) return found;
    const known = slots.map((slot) => slot.id).join(', ') || 'none';
    throw ownError('ERR_CRYPTOKI_SLOT_NOT_FOUND', `the module has no slot ${id}; it has: ${known}`);
  }

  /** Lists the tokens that are present, except those for which C_GetTokenInfo fails. */
  async tokens(): Promise<Token[]> {
    return (await this.askTokens()).tokens;
  }

  /**
   * Lists the tokens that are present, and the errors of C_GetTokenInfo for the others.
   * @internal
   */
  async askTokens(): Promise<{ readonly tokens: Token[]; readonly refusals: readonly TokenRefusal[] }> {
    const slots = await this.slots({ tokenPresent: true });
    const refusals: TokenRefusal[] = [];
    const read = async (slot: Slot): Promise<Token | undefined> => {
      try {
        return await slot.token();
      } catch (error) {
        const refusal = moduleErrorOf(error);
        if (!isCode(refusal, ...NO_TOKEN)) refusals.push({ slot: slot.id, error: refusal });
        return undefined;
      }
    };
    const tokens = await Promise.all(slots.map(read));
    return { tokens: tokens.filter((token) => token !== undefined), refusals };
  }

  /**
   * Returns the one token that matches the selector; without an argument, or with 'only', the only initialised token. A
   * selector with an undefined member, or without members, is refused: an unset variable must not choose the token.
   * @throws ERR_CRYPTOKI_TOKEN_NOT_FOUND, ERR_CRYPTOKI_TOKEN_AMBIGUOUS; both list the tokens that are present. The error of
   *   C_GetTokenInfo, if no token matches and the call failed for a slot that may hold it. TypeError ERR_INVALID_ARG_TYPE,
   *   TypeError ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE
   */
  async token(...args: [selector?: TokenSelection]): Promise<Token> {
    const selector = args.length === 0 ? ONLY : (args[0] as TokenSelection);
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
      throw ownError(
        'ERR_CRYPTOKI_TOKEN_AMBIGUOUS',
        `${found.length} tokens match ${wanted}: ${found.map(describeToken).join('; ')}. Add serialNumber or slot`,
      );
    }
    const slot = selector === ONLY ? undefined : selector.slot;
    throwRefusal(refusals, (id) => slot === undefined || BigInt(slot) === id);
    const isPassedOver = selector === ONLY && tokens.some(({ initialized }) => !initialized);
    const help = isPassedOver
      ? '. Without a selector only initialised tokens match (CKF_TOKEN_INITIALIZED): initialise the token, or name it by its label, serial number or slot if the module does not set the flag'
      : '';
    throw ownError(
      'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
      `no token matches ${wanted}; tokens present: ${tokens.map(describeToken).join('; ') || 'none'}${help}`,
    );
  }

  /**
   * Finalises the module and initialises it again (C_Finalize, C_Initialize), for all its users in this process. Some
   * modules return an error for every call after their device or server was lost, until this is done. All sessions and
   * logins end. Calls in flight end first.
   * @param options.since a result of RawModule.reinitialisations(): nothing is done if the module was reinitialised since then
   * @throws ERR_CRYPTOKI_MODULE_SHARED when code outside of this package has initialised it; errors of C_Initialize
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
   * Watches for tokens that are inserted and removed, beginning with those that are present. It uses the blocking
   * C_WaitForSlotEvent (PKCS#11 3.1, section 5.5.4) if the module has it, and otherwise looks at the slots at intervals. All
   * watchers of the module share one wait.
   * @param options.interval time between two looks if the module reports no events, in milliseconds; default 1,000
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
   * @throws errors of C_Finalize; the module can be used and closed as before, but its sessions have ended
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
   * Returns the raw module, if the module is open.
   * @throws ERR_CRYPTOKI_MODULE_CLOSED
   * @internal
   */
  use(): RawModule {
    if (!this.closed) return this.raw;
    throw ownError(
      'ERR_CRYPTOKI_MODULE_CLOSED',
      `the module ${this.path} was closed; open it again with Module.open()`,
    );
  }

  /** Emits 'state' CLOSED on sessions that no longer exist. */
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

/** An error of C_GetTokenInfo for a slot that holds a token. */
export interface TokenRefusal {
  /** CK_SLOT_ID */
  readonly slot: bigint;
  readonly error: CryptokiError;
}

/**
 * Throws the error of C_GetTokenInfo for the first slot that may hold a missing token.
 * @param mayHoldToken restricts the slots; default all
 */
export function throwRefusal(
  refusals: readonly TokenRefusal[],
  mayHoldToken: (slot: bigint) => boolean = () => true,
): void {
  const refusal = refusals.find(({ slot }) => mayHoldToken(slot));
  if (refusal === undefined) return;
  const { slot, error } = refusal;
  if (error.rv === undefined) throw error;
  throw new CryptokiError({
    rv: error.rv,
    function: 'C_GetTokenInfo',
    detail: `the token in slot ${slot} could not be read, and no token in another slot matches`,
    cause: error,
  });
}

/** Returns an error of a token; throws one of the module, and any other. */
function moduleErrorOf(error: unknown): CryptokiError {
  const isClosed = isCode(error, 'CKR_CRYPTOKI_NOT_INITIALIZED', 'ERR_CRYPTOKI_MODULE_CLOSED');
  if (!isClosed && error instanceof CryptokiError) return error;
  throw error;
}
