import type { RecoveryTrace } from '../client-tracing';
import { pause } from './recovery-rules';

/** How deep a recovery goes. Each level includes those before it. */
export type RecoveryLevel = RecoveryTrace['level'];

/** What {@link Recovery} tells: each once per loss. */
export interface RecoveryNews {
  recovering(level: RecoveryLevel, cause: unknown): void;
  recovered(level: RecoveryLevel, generation: number): void;
  /** It was given up; operations that come later try again, with pauses in between. */
  down(error: unknown): void;
}

/** Something that was lost: tells its beginning and its end once, however often it is tried to get it back, and makes pauses between. */
export class Loss {
  readonly #news: RecoveryNews;
  #told: 'nothing' | 'recovering' | 'down' = 'nothing';
  /** Recoveries that have failed since something last worked, and when the next may begin, as performance.now() counts. */
  #failures = 0;
  #notBefore = 0;

  constructor(news: RecoveryNews) {
    this.#news = news;
  }

  /** Whether something is lost, as far as was told. */
  get isTold(): boolean {
    return this.#told !== 'nothing';
  }

  /** How long the next recovery waits, in milliseconds. */
  get pause(): number {
    return Math.max(this.#notBefore - performance.now(), 0);
  }

  /** The next recovery need not wait. */
  retryNow(): void {
    this.#notBefore = 0;
  }

  /** A recovery has failed. */
  failed(): void {
    this.#failures += 1;
    this.#notBefore = performance.now() + pause(this.#failures);
  }

  begins(level: RecoveryLevel, cause: unknown): void {
    if (this.#told !== 'nothing') return;
    this.#told = 'recovering';
    this.#news.recovering(level, cause);
  }

  isDown(error: unknown): void {
    if (this.#told === 'down') return;
    this.#told = 'down';
    this.#news.down(error);
  }

  ends(level: RecoveryLevel, generation: number): void {
    this.#failures = 0;
    this.#notBefore = 0;
    this.#told = 'nothing';
    this.#news.recovered(level, generation);
  }
}
