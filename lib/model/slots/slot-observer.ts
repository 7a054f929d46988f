import { LONGEST_TIMER_MS } from '../../core/deadlines';
import { CryptokiError, isCode } from '../../core/errors';
import type { RawModule } from '../../raw/raw-module';

/** The members of Token that distinguish tokens. */
interface ObservedToken {
  readonly serialNumber: string;
  readonly label: string;
  readonly model: string;
  readonly manufacturer: string;
}

/** The members of Slot that are used here. */
interface ObservedSlot<Token> {
  token(): Promise<Token>;
  info(): Promise<{ readonly tokenPresent: boolean }>;
}

/** The members of Module that are used here. */
interface ObservedModule<Slot> {
  readonly raw: RawModule;
  slots(): Promise<Slot[]>;
}

/** A subscriber of a {@link SlotObserver}. */
export interface SlotSubscriber<Slot, Token> {
  /** The time between two looks at the slots in milliseconds, if the module reports no events. */
  readonly interval: number;
  /**
   * Receives the result of a look.
   * @param tokens the token in each slot that has one; a token that stays is the same object in each look
   */
  looked(tokens: ReadonlyMap<Slot, Token>): void;
  /** Called after the last look, when the module was closed, or is lost. */
  ended(error?: Error): void;
}

/** Factor of the interval while the module reports events: it only has to find an event that was lost. */
const INTERVAL_FACTOR_WITH_EVENTS = 10;
/** Events come in bursts, so looks have this distance. */
const MIN_LOOK_DISTANCE_MS = 100;
/** Limit of consecutive looks that fail for a temporary reason: the module lacks memory, or is being reinitialised. */
const MAX_FAILED_LOOKS = 10;
/** The slots are looked at again after this time if C_GetTokenInfo fails for a token; the time doubles with each such look. */
const FIRST_RETRY_MS = 200;
const MAX_RETRIES = 5;

/** Errors of C_GetTokenInfo for a slot without a usable token. */
export const NO_TOKEN = [
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_DEVICE_REMOVED',
  'CKR_SLOT_ID_INVALID',
];
const CLOSED = ['CKR_CRYPTOKI_NOT_INITIALIZED', 'ERR_CRYPTOKI_MODULE_CLOSED'];
/** Errors of modules that report no events. A blocking call must not return CKR_NO_EVENT, but some modules do so. */
const NO_EVENTS = ['CKR_FUNCTION_NOT_SUPPORTED', 'CKR_NO_EVENT'];

function isSame(a: ObservedToken, b: ObservedToken): boolean {
  return (
    a.serialNumber === b.serialNumber &&
    a.label === b.label &&
    a.model === b.model &&
    a.manufacturer === b.manufacturer
  );
}

function isTemporary(error: unknown): boolean {
  return (
    error instanceof CryptokiError &&
    (error.action === 'retry' || error.code === 'CKR_CRYPTOKI_NOT_INITIALIZED')
  );
}

/**
 * Looks at all slots of a module while there are subscribers: after every event (C_WaitForSlotEvent, PKCS#11 3.1, section
 * 5.5.4), and at intervals. An event only starts a look: the tokens that the look finds are the result.
 */
export class SlotObserver<Slot extends ObservedSlot<Token>, Token extends ObservedToken> {
  readonly #module: ObservedModule<Slot>;
  readonly #subscribers = new Set<SlotSubscriber<Slot, Token>>();
  #tokens: ReadonlyMap<Slot, Token> = new Map();
  #running = false;
  #hasEvents = true;
  #waiting = false;
  /** True when an event or a new subscriber needs a look as soon as possible. */
  #isDue = false;
  /** The time of the latest look, by performance.now(). */
  #lastLookAt = 0;
  /** Number of consecutive looks that failed. */
  #failures = 0;
  /** True when C_GetTokenInfo failed for a token in the latest look. */
  #hasUnreadToken = false;
  /** Number of consecutive looks with such a token since the latest event. */
  #unreadLooks = 0;
  #timer: NodeJS.Timeout | undefined;
  #resume: (() => void) | undefined;

  constructor(module: ObservedModule<Slot>) {
    this.#module = module;
  }

  /** Adds a subscriber, and looks at the slots at once. */
  add(subscriber: SlotSubscriber<Slot, Token>): void {
    this.#subscribers.add(subscriber);
    this.#lookAgain();
    if (!this.#running) void this.#run();
  }

  remove(subscriber: SlotSubscriber<Slot, Token>): void {
    if (!this.#subscribers.delete(subscriber)) return;
    if (this.#subscribers.size === 0) this.#stop();
    else this.#schedule();
  }

  /** Ends all subscribers. */
  end(error?: Error): void {
    const subscribers = [...this.#subscribers];
    this.#subscribers.clear();
    if (subscribers.length > 0) this.#stop();
    for (const subscriber of subscribers) subscriber.ended(error);
  }

  #stop(): void {
    this.#resume?.();
    if (this.#waiting) this.#module.raw.cancelWaitForSlotEvent();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#subscribers.size > 0) {
      if (this.#isDue) this.#unreadLooks = 0;
      this.#isDue = false;
      this.#hasUnreadToken = false;
      this.#wait(); // before the look, so that no event is lost that occurs during the look
      try {
        await this.#look();
        this.#failures = 0;
      } catch (error) {
        this.#failures += 1;
        if (!isTemporary(error) || this.#failures > MAX_FAILED_LOOKS) this.end(error as Error);
      }
      this.#lastLookAt = performance.now();
      this.#unreadLooks = this.#hasUnreadToken ? this.#unreadLooks + 1 : 0;
      if (this.#subscribers.size > 0) await this.#pause();
    }
    this.#tokens = new Map();
    this.#failures = 0;
    this.#running = false;
  }

  #wait(): void {
    if (this.#waiting || !this.#hasEvents) return;
    this.#waiting = true;
    this.#module.raw.C_WaitForSlotEvent(0).then(
      () => {
        this.#waiting = false;
        this.#lookAgain();
      },
      (error) => {
        this.#waiting = false;
        if (isCode(error, ...NO_EVENTS)) this.#hasEvents = false;
        if (isCode(error, 'CKR_FUNCTION_CANCELED')) this.#lookAgain();
        else this.#schedule();
      },
    );
  }

  async #look(): Promise<void> {
    const slots = await this.#module.slots();
    const tokens = await Promise.all(slots.map((slot) => this.#token(slot)));
    const present = new Map<Slot, Token>();
    for (const [index, slot] of slots.entries()) {
      const token = tokens[index];
      if (token !== undefined) present.set(slot, token);
    }
    this.#tokens = present;
    for (const subscriber of [...this.#subscribers]) subscriber.looked(present);
  }

  async #token(slot: Slot): Promise<Token | undefined> {
    const before = this.#tokens.get(slot);
    try {
      const token = await slot.token();
      return before !== undefined && isSame(before, token) ? before : token;
    } catch (error) {
      if (isCode(error, ...NO_TOKEN)) return undefined;
      if (!(error instanceof CryptokiError) || isCode(error, ...CLOSED)) throw error;
      // C_GetTokenInfo failed, but the token may still be present: C_GetSlotInfo can report that.
      this.#hasUnreadToken = true;
      const isPresent = await slot.info().then(
        (info) => info.tokenPresent,
        () => true,
      );
      return isPresent ? before : undefined;
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      this.#schedule();
    });
    clearTimeout(this.#timer);
    this.#resume = undefined;
  }

  #lookAgain(): void {
    this.#isDue = true;
    this.#schedule();
  }

  /** Sets the time at which the current pause ends. */
  #schedule(): void {
    if (this.#resume === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#resume, this.#delay());
  }

  #delay(): number {
    if (this.#isDue) return Math.max(0, this.#lastLookAt + MIN_LOOK_DISTANCE_MS - performance.now());
    if (this.#hasUnreadToken && this.#unreadLooks <= MAX_RETRIES)
      return FIRST_RETRY_MS * 2 ** (this.#unreadLooks - 1);
    const interval = Math.min(...[...this.#subscribers].map((subscriber) => subscriber.interval));
    return Math.min(this.#waiting ? interval * INTERVAL_FACTOR_WITH_EVENTS : interval, LONGEST_TIMER_MS);
  }
}
