import { EventEmitter } from 'node:events';
import { outOfRange, wrongType } from '../../core/argument-errors';
import { requireOptions, requireSignal } from '../../core/arguments';
import { LONGEST_TIMER_MS } from '../../core/deadlines';
import { dispose } from '../../core/realms';
import type { Slot } from '../slot';
import type { Token } from '../token';
import type { SlotObserver, SlotSubscriber } from './slot-observer';

type TokensPresent = ReadonlyMap<Slot, Token>;

/** The options of Module.watch. */
export interface WatchOptions {
  /**
   * The time between two looks at the slots in milliseconds, if the module has no C_WaitForSlotEvent; default 1,000. If it
   * has, the time is ten times longer: these looks only find events that were lost.
   */
  readonly interval?: number | undefined;
  /** Ends the watch: iterators throw its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A token was inserted into its slot, or removed from it. */
export interface SlotEvent {
  readonly type: 'inserted' | 'removed';
  readonly slot: Slot;
  /** The token; calls with a removed one fail. */
  readonly token: Token;
  readonly label: string;
  readonly serialNumber: string;
  readonly model: string;
  readonly manufacturer: string;
}

/** The events of a {@link SlotWatcher}. */
export interface SlotWatcherEvents {
  inserted: [event: SlotEvent];
  removed: [event: SlotEvent];
  /** The module is lost; the watcher has ended. */
  error: [error: Error];
  /** The watcher has ended, for any reason. */
  close: [];
}

const DEFAULT_INTERVAL_MS = 1_000;

function toEvent(type: SlotEvent['type'], slot: Slot, token: Token): SlotEvent {
  const { label, serialNumber, model, manufacturer } = token;
  return { type, slot, token, label, serialNumber, model, manufacturer };
}

function checkInterval(interval: unknown): number {
  if (typeof interval !== 'number') throw wrongType('interval', 'a number of milliseconds', interval);
  if (interval >= 1 && interval <= LONGEST_TIMER_MS) return interval;
  throw outOfRange('interval', `from 1 to ${LONGEST_TIMER_MS} milliseconds`, interval);
}

/**
 * Reports tokens that are inserted and removed, beginning with those that are present at the start.
 *
 * ```ts
 * for await (const { type, label } of module.watch()) console.log(type, label);
 *
 * using watcher = module.watch();
 * watcher.on('inserted', ({ token }) => { ... });
 * ```
 *
 * A token that replaces another is reported as a removal and an insertion; so is a change of the label. A token that was
 * removed and inserted again between two looks is not reported, nor one that the module does not recognise. The watcher
 * keeps the process running until it is closed.
 */
export class SlotWatcher
  extends EventEmitter<SlotWatcherEvents>
  implements AsyncIterable<SlotEvent, undefined>, Disposable
{
  readonly #observer: SlotObserver<Slot, Token>;
  readonly #subscriber: SlotSubscriber<Slot, Token>;
  readonly #iterators = new Set<SlotEventIterator>();
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.#end(this.#signal?.reason, false);
  #present: TokensPresent = new Map();
  #closed = false;

  /** @internal */
  constructor(observer: SlotObserver<Slot, Token>, options: WatchOptions) {
    super();
    requireOptions(options, 'the options of watch', ['interval', 'signal']);
    const { interval = DEFAULT_INTERVAL_MS, signal } = options;
    requireSignal(signal);
    this.#subscriber = {
      interval: checkInterval(interval),
      looked: (tokens) => this.#looked(tokens),
      ended: (error) => this.#end(error, true),
    };
    signal?.throwIfAborted();
    this.#observer = observer;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
    observer.add(this.#subscriber);
  }

  /** True when the watcher has ended: by close(), by its signal, because its loop was left, or with its module. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the watch. Iterators finish. Other watchers of the module continue. */
  close(): void {
    this.#end(undefined, false);
  }

  [dispose](): void {
    this.close();
  }

  /** Returns an iterator over an insertion of each token that is present, then all later events. Leaving the loop closes the watcher. */
  [Symbol.asyncIterator](): AsyncIterator<SlotEvent, undefined> {
    const iterator = new SlotEventIterator(() => this.close());
    if (this.#closed) iterator.end();
    else this.#iterators.add(iterator);
    for (const [slot, token] of this.#present) iterator.push(toEvent('inserted', slot, token));
    return iterator;
  }

  #looked(tokens: TokensPresent): void {
    const before = this.#present;
    this.#present = tokens;
    for (const [slot, token] of before) {
      if (tokens.get(slot) !== token) this.#report(toEvent('removed', slot, token));
    }
    for (const [slot, token] of tokens) {
      if (before.get(slot) !== token) this.#report(toEvent('inserted', slot, token));
    }
  }

  #report(event: SlotEvent): void {
    for (const iterator of this.#iterators) iterator.push(event);
    // In a microtask, so that an error that a listener throws does not end the observer.
    queueMicrotask(() => {
      if (!this.#closed) this.emit(event.type, event);
    });
  }

  #end(error: Error | undefined, isFailure: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#observer.remove(this.#subscriber);
    const iterators = [...this.#iterators];
    this.#iterators.clear();
    this.#present = new Map();
    for (const iterator of iterators) iterator.end(error);
    queueMicrotask(() => this.emit('close'));
    if (error === undefined || !isFailure) return;
    // An iterator throws the error. Without an iterator, 'error' is emitted even without listeners, so that it is not lost.
    if (iterators.length > 0 && this.listenerCount('error') === 0) return;
    queueMicrotask(() => this.emit('error', error));
  }
}

type Result = IteratorResult<SlotEvent, undefined>;

interface Reader {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** A queue: either events wait for a reader, or readers wait for an event. */
class SlotEventIterator implements AsyncIterator<SlotEvent, undefined> {
  readonly #onLeave: () => void;
  readonly #events: SlotEvent[] = [];
  readonly #readers: Reader[] = [];
  #ended = false;
  #error: Error | undefined;

  /** @param onLeave called when the reader leaves its loop */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(event: SlotEvent): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#events.push(event);
    else reader.resolve({ value: event, done: false });
  }

  /** @param error thrown once, after the events that wait */
  end(error?: Error): void {
    this.#ended = true;
    this.#error = error;
    if (error === undefined) this.#events.length = 0;
    for (const reader of this.#readers.splice(0)) this.#finish(reader);
  }

  #finish(reader: Reader): void {
    const error = this.#error;
    this.#error = undefined;
    if (error === undefined) reader.resolve({ value: undefined, done: true });
    else reader.reject(error);
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject };
      const event = this.#events.shift();
      if (event !== undefined) resolve({ value: event, done: false });
      else if (this.#ended) this.#finish(reader);
      else this.#readers.push(reader);
    });
  }

  async return(): Promise<Result> {
    this.#leave();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Promise<Result> {
    this.#leave();
    throw error;
  }

  #leave(): void {
    this.#onLeave();
    this.end();
  }
}
