import { CryptokiError, isCode } from '../../core/errors';
import type { Connection } from './connection';
import { TOKEN_GONE } from './recovery-rules';

/** Least time between two reinitialisations for a client that is down, since they end the sessions of others in the process. */
const PAUSE_WHEN_DOWN_MS = 1_000;
/** The same for a module that has other tokens. */
const PAUSE_BESIDE_OTHERS_MS = 10_000;

/**
 * Restores a connection by C_Finalize and C_Initialize, which end the sessions of all users of the module in this process. So it
 * does not repeat this at short intervals, and not when another user has just done it.
 */
export class Reinitialiser {
  readonly #connection: Connection;
  readonly #signal: AbortSignal;
  readonly #isDown: () => boolean;
  #reinitialisedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param signal aborted when the client is closed
   * @param isDown returns true after a recovery that has failed
   */
  constructor(connection: Connection, signal: AbortSignal, isDown: () => boolean) {
    this.#connection = connection;
    this.#signal = signal;
    this.#isDown = isDown;
  }

  /** Reinitialises the module, unless the connection can be restored without, and opens the sessions again. */
  async run(): Promise<void> {
    const connection = this.#connection;
    const { raw } = connection.module;
    let since = raw.reinitialisations();
    while (!connection.isUp) {
      try {
        await connection.establish('relogin');
        await connection.check();
        return;
      } catch (error) {
        const pause = await this.#leastPause(error);
        if (performance.now() - this.#reinitialisedAt < pause) throw error;
        this.#signal.throwIfAborted();
        if (raw.reinitialisations() === since) break;
        since = raw.reinitialisations(); // another user has reinitialised the module meanwhile
      }
    }
    this.#signal.throwIfAborted();
    this.#reinitialisedAt = performance.now();
    try {
      await connection.module.reinitialise({ since });
    } catch (error) {
      // Code outside of this package has initialised the module. Its sessions were closed nevertheless.
      if (!isCode(error, 'ERR_CRYPTOKI_MODULE_SHARED')) throw error;
    }
    await connection.establish('relogin');
  }

  /** Returns the least time between two reinitialisations after `error`, in milliseconds. */
  async #leastPause(error: unknown): Promise<number> {
    if (isCode(error, 'CKR_CRYPTOKI_NOT_INITIALIZED')) return 0; // nobody has sessions that it could end
    const isOfToken = error instanceof CryptokiError && error.function === 'C_GetTokenInfo'; // perhaps another token
    if (isOfToken || isCode(error, ...TOKEN_GONE)) {
      const tokens = await this.#connection.module.tokens().catch(() => []);
      if (tokens.some(({ initialized }) => initialized)) return PAUSE_BESIDE_OTHERS_MS;
    }
    return this.#isDown() ? PAUSE_WHEN_DOWN_MS : 0;
  }
}
