/** Whether something is let through, or on trial. */
export type BreakerState = 'closed' | 'open' | 'halfOpen';

/** When a breaker opens and for how long. Times are in milliseconds. */
export interface BreakerOptions {
  /** How many failures in a row open it. */
  readonly failures: number;
  /** How long it stays open the first time; twice as long after each trial that failed. */
  readonly openTime: number;
  /** The longest time it stays open. */
  readonly maxOpenTime: number;
}

/** What a {@link CircuitBreaker} tells. */
export interface BreakerNews {
  opened(error: unknown): void;
  closed(): void;
}

/**
 * Keeps work away from what is broken. Closed, it lets work through and counts failures in a row. Open, it lets nothing
 * through. After a while it is half open: one trial is made, whose outcome closes it or opens it again for longer.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #trial: () => Promise<void>;
  readonly #news: BreakerNews;
  #state: BreakerState = 'closed';
  #failures = 0;
  /** Times it was opened since something last succeeded. */
  #rounds = 0;
  #opened = 0;
  #error: unknown;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isTrying = false;

  /** @param trial is made, one at a time, to learn whether things are well again */
  constructor(options: BreakerOptions, trial: () => Promise<void>, news: BreakerNews) {
    this.#options = options;
    this.#trial = trial;
    this.#news = news;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** The failure it was opened for, or that was counted last; undefined when all is well. */
  get error(): unknown {
    return this.#error;
  }

  /** How often it has opened from closed. */
  get opened(): number {
    return this.#opened;
  }

  /** Something that was let through succeeded. */
  succeeded(): void {
    if (this.#state !== 'closed') return; // it was let through before; only a trial closes
    this.#failures = 0;
    this.#rounds = 0;
    this.#error = undefined;
  }

  /** Something that was let through failed. */
  failed(error: unknown): void {
    if (this.#state !== 'closed') return;
    this.#error = error;
    this.#failures += 1;
    if (this.#failures >= this.#options.failures) this.open(error);
  }

  /** Opens at once, whatever was counted. */
  open(error: unknown): void {
    if (this.#isStopped) return;
    this.#error = error;
    if (this.#state !== 'closed') return;
    this.#opened += 1;
    this.#wait();
    this.#news.opened(error);
  }

  /** Things are well again, as is known from elsewhere. */
  close(): void {
    clearTimeout(this.#timer);
    const wasClosed = this.#state === 'closed';
    this.#state = 'closed';
    this.#failures = 0;
    this.#error = undefined;
    if (!wasClosed && !this.#isStopped) this.#news.closed();
  }

  /** Makes no more trials. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#state = 'open';
    const { openTime, maxOpenTime } = this.#options;
    const time = Math.min(openTime * 2 ** this.#rounds, maxOpenTime);
    this.#rounds = Math.min(this.#rounds + 1, 30);
    // A little different for each, so that not all come back at once.
    this.#timer = setTimeout(() => void this.#try(), time * (0.8 + Math.random() * 0.2)).unref();
  }

  async #try(): Promise<void> {
    if (this.#isTrying) return this.#wait(); // the trial from before it was closed and opened again
    this.#state = 'halfOpen';
    this.#isTrying = true;
    const opened = this.#opened;
    const counts = (): boolean => this.#state === 'halfOpen' && opened === this.#opened && !this.#isStopped;
    try {
      await this.#trial();
      if (counts()) this.close();
    } catch (error) {
      if (!counts()) return; // it was closed meanwhile
      this.#error = error;
      this.#wait();
    } finally {
      this.#isTrying = false;
    }
  }
}
