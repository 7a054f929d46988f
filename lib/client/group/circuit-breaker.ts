/** State of a breaker: closed for operation, open after failures, half open during a trial. */
export type BreakerState = 'closed' | 'open' | 'halfOpen';

/** Limits of a breaker. Times are in milliseconds. */
export interface BreakerOptions {
  /** Number of successive failures that open it. */
  readonly failures: number;
  /** Time that it stays open at first; doubled after each trial that failed. */
  readonly openTime: number;
  /** Limit of the time that it stays open. */
  readonly maxOpenTime: number;
}

/** Callbacks of a {@link CircuitBreaker}. */
export interface BreakerListener {
  opened(error: unknown): void;
  closed(): void;
}

/**
 * A circuit breaker. Closed, it allows work and counts successive failures. Open, it allows no work. After a time it is half open:
 * one trial closes it or opens it again for a longer time.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #trial: () => Promise<void>;
  readonly #listener: BreakerListener;
  #state: BreakerState = 'closed';
  #failures = 0;
  /** Number of times that it was opened since the last success. */
  #rounds = 0;
  #opened = 0;
  #error: unknown;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isTrying = false;

  /** @param trial checks if work can succeed again; only one trial runs at a time */
  constructor(options: BreakerOptions, trial: () => Promise<void>, listener: BreakerListener) {
    this.#options = options;
    this.#trial = trial;
    this.#listener = listener;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** The error that has opened it, or the last one that was counted; undefined after a success. */
  get error(): unknown {
    return this.#error;
  }

  /** Number of changes from closed to open. */
  get opened(): number {
    return this.#opened;
  }

  /** Notes that work has succeeded. */
  succeeded(): void {
    if (this.#state !== 'closed') return; // the work began before it opened; only a trial closes it
    this.#failures = 0;
    this.#rounds = 0;
    this.#error = undefined;
  }

  /** Notes that work has failed. */
  failed(error: unknown): void {
    if (this.#state !== 'closed') return;
    this.#error = error;
    this.#failures += 1;
    if (this.#failures >= this.#options.failures) this.open(error);
  }

  /** Opens at once. */
  open(error: unknown): void {
    if (this.#isStopped) return;
    this.#error = error;
    if (this.#state !== 'closed') return;
    this.#opened += 1;
    this.#wait();
    this.#listener.opened(error);
  }

  /** Closes at once. */
  close(): void {
    clearTimeout(this.#timer);
    const wasClosed = this.#state === 'closed';
    this.#state = 'closed';
    this.#failures = 0;
    this.#error = undefined;
    if (!wasClosed && !this.#isStopped) this.#listener.closed();
  }

  /** Ends the trials. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#state = 'open';
    const { openTime, maxOpenTime } = this.#options;
    const time = Math.min(openTime * 2 ** this.#rounds, maxOpenTime);
    this.#rounds = Math.min(this.#rounds + 1, 30);
    // With a random part, so that programs do not make their trials at the same moment.
    this.#timer = setTimeout(() => void this.#try(), time * (0.8 + Math.random() * 0.2)).unref();
  }

  async #try(): Promise<void> {
    if (this.#isTrying) return this.#wait(); // an earlier trial is still running
    this.#state = 'halfOpen';
    this.#isTrying = true;
    const opened = this.#opened;
    const isCurrent = (): boolean =>
      this.#state === 'halfOpen' && opened === this.#opened && !this.#isStopped;
    try {
      await this.#trial();
      if (isCurrent()) this.close();
    } catch (error) {
      if (!isCurrent()) return; // it was closed meanwhile
      this.#error = error;
      this.#wait();
    } finally {
      this.#isTrying = false;
    }
  }
}
