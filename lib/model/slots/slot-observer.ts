import { LONGEST_TIMER } from '../../core/deadlines';
import { CryptokiError, isCode } from '../../core/errors';
import type { RawModule } from '../../raw/raw-module';

/** The members of Token that tell tokens apart. */
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
  /** How often to look where the module tells of no events, in milliseconds. */
  readonly interval: number;
  /** @param tokens the token in each slot that has one; a token that stays is the same object from look to look */
  looked(tokens: ReadonlyMap<Slot, Token>): void;
  /** There will be no more looks: the module was closed, or is lost. */
  ended(error?: Error): void;
}

/** With events to wait for, looks are this much rarer: an event might be lost. */
const RARER = 10;
/** Events come in bursts, in milliseconds. */
const BETWEEN_LOOKS = 100;
/** How many looks in a row may fail for a reason that can pass: the module is short of something, or being reinitialised. */
const PATIENCE = 10;
/** When a token does not answer, it is asked again after this time in milliseconds, then twice that, so many times. */
const IN_DOUBT = { first: 200, times: 5 };

const ABSENT = [
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_DEVICE_REMOVED',
  'CKR_SLOT_ID_INVALID',
];
const CLOSED = ['CKR_CRYPTOKI_NOT_INITIALIZED', 'ERR_CRYPTOKI_MODULE_CLOSED'];
/** The module has no events. CKR_NO_EVENT is no answer to a call that blocks, but there are modules that give it. */
const NO_EVENTS = ['CKR_FUNCTION_NOT_SUPPORTED', 'CKR_NO_EVENT'];

function isSame(one: ObservedToken, other: ObservedToken): boolean {
  return (
    one.serialNumber === other.serialNumber &&
    one.label === other.label &&
    one.model === other.model &&
    one.manufacturer === other.manufacturer
  );
}

function mayPass(error: unknown): boolean {
  return (
    error instanceof CryptokiError &&
    (error.action === 'retry' || error.code === 'CKR_CRYPTOKI_NOT_INITIALIZED')
  );
}

/**
 * Looks at all slots of a module while there are subscribers: after every event (C_WaitForSlotEvent, PKCS#11 3.1, section
 * 5.5.4), and from time to time. An event only says that it is time to look: what there is counts.
 */
export class SlotObserver<Slot extends ObservedSlot<Token>, Token extends ObservedToken> {
  readonly #module: ObservedModule<Slot>;
  readonly #subscribers = new Set<SlotSubscriber<Slot, Token>>();
  #tokens: ReadonlyMap<Slot, Token> = new Map();
  #running = false;
  #hasEvents = true;
  #waiting = false;
  /** There is a reason to look again. */
  #due = false;
  #looked = 0;
  /** How many looks in a row failed. */
  #failures = 0;
  /** Whether a token did not answer in the latest look, and in how many looks in a row since the latest event. */
  #doubt = false;
  #doubts = 0;
  #timer: NodeJS.Timeout | undefined;
  #resume: (() => void) | undefined;

  constructor(module: ObservedModule<Slot>) {
    this.#module = module;
  }

  /** Looks for it at once, and from then on. */
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
      if (this.#due) this.#doubts = 0;
      this.#due = false;
      this.#doubt = false;
      this.#wait(); // first: an event while the slots are looked at must not be lost
      try {
        await this.#look();
        this.#failures = 0;
      } catch (error) {
        this.#failures += 1;
        if (!mayPass(error) || this.#failures > PATIENCE) this.end(error as Error);
      }
      this.#looked = performance.now();
      this.#doubts = this.#doubt ? this.#doubts + 1 : 0;
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
      if (isCode(error, ...ABSENT)) return undefined;
      if (!(error instanceof CryptokiError) || isCode(error, ...CLOSED)) throw error;
      // The token does not answer. Whether it is still there, the slot may know.
      this.#doubt = true;
      const isThere = await slot.info().then(
        (info) => info.tokenPresent,
        () => true,
      );
      return isThere ? before : undefined;
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
    this.#due = true;
    this.#schedule();
  }

  /** Sets when the pause ends, if there is one. */
  #schedule(): void {
    if (this.#resume === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#resume, this.#delay());
  }

  #delay(): number {
    if (this.#due) return Math.max(0, this.#looked + BETWEEN_LOOKS - performance.now());
    if (this.#doubt && this.#doubts <= IN_DOUBT.times) return IN_DOUBT.first * 2 ** (this.#doubts - 1);
    const interval = Math.min(...[...this.#subscribers].map((subscriber) => subscriber.interval));
    return Math.min(this.#waiting ? interval * RARER : interval, LONGEST_TIMER);
  }
}
