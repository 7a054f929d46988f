import type { RecoveryTrace } from '../client-tracing';
import { retryPause } from './recovery-rules';

/** Extent of a recovery. Each level includes those before it. */
export type RecoveryLevel = RecoveryTrace['level'];

/** Callbacks of {@link Recovery}. Each is called once per loss. */
export interface RecoveryListener {
  recovering(level: RecoveryLevel, cause: unknown): void;
  recovered(level: RecoveryLevel, generation: number): void;
  /** Called when a recovery has failed. Later operations try again, after pauses. */
  down(error: unknown): void;
}

/** A loss of sessions, login, token or module. Reports its begin and its end once, and determines the pauses between recoveries. */
export class Loss {
  readonly #listener: RecoveryListener;
  #reported: 'nothing' | 'recovering' | 'down' = 'nothing';
  /** Recoveries that have failed since the last success, and the time of performance.now() at which the next may begin. */
  #failures = 0;
  #notBefore = 0;

  constructor(listener: RecoveryListener) {
    this.#listener = listener;
  }

  /** True when a loss was reported that has not ended. */
  get isReported(): boolean {
    return this.#reported !== 'nothing';
  }

  /** Time that the next recovery waits, in milliseconds. */
  get pause(): number {
    return Math.max(this.#notBefore - performance.now(), 0);
  }

  /** Ends the pause before the next recovery. */
  retryNow(): void {
    this.#notBefore = 0;
  }

  /** Notes that a recovery has failed: the next one waits. */
  failed(): void {
    this.#failures += 1;
    this.#notBefore = performance.now() + retryPause(this.#failures);
  }

  /** Reports the loss. */
  begin(level: RecoveryLevel, cause: unknown): void {
    if (this.#reported !== 'nothing') return;
    this.#reported = 'recovering';
    this.#listener.recovering(level, cause);
  }

  /** Reports that a recovery has failed. */
  goDown(error: unknown): void {
    if (this.#reported === 'down') return;
    this.#reported = 'down';
    this.#listener.down(error);
  }

  /** Reports the end of the loss. */
  end(level: RecoveryLevel, generation: number): void {
    this.#failures = 0;
    this.#notBefore = 0;
    this.#reported = 'nothing';
    this.#listener.recovered(level, generation);
  }
}
