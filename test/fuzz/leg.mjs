// @ts-check
// One leg: a target that runs in this process for some seconds or steps, with its journal and its counts.
import { CryptokiError } from 'cryptoki';
import { Journal, lastLines } from './journal.mjs';
import { Random } from './random.mjs';
import { add, addFailure, noCounts, saveCounts } from './tally.mjs';

/** Thrown by a target that cannot run on this machine. */
export class Skip extends Error {}

/** Thrown by getters and traps of the fuzzer itself. The call must throw it unchanged. */
export class Planted extends Error {
  code = 'ERR_FUZZ_PLANTED';
}

/** A promise that takes longer, in milliseconds, counts as one that never settles. */
const SETTLED_WITHIN = 20_000;
const SAVE_EVERY = 1000;

/** The context of a target. */
export class Leg {
  random;
  counts = noCounts();
  step = 0;
  #journal;
  #paths;
  #end;
  #steps;
  #saved = 0;
  #calls = 0;

  /**
   * @param {object} options
   * @param {string} options.seed
   * @param {number} options.seconds
   * @param {number} options.steps
   * @param {string} options.journal path
   * @param {string} options.counts path
   */
  constructor(options) {
    const { seed, seconds, steps, journal, counts } = options;
    this.options = options;
    this.random = new Random(seed);
    this.#journal = new Journal(journal);
    this.#paths = { journal, counts };
    this.#end = performance.now() + seconds * 1000;
    this.#steps = steps;
  }

  /** Starts the next step; returns false at the end of the leg. @returns {boolean} */
  next() {
    if (performance.now() - this.#saved > SAVE_EVERY) this.save();
    if (performance.now() > this.#end || this.step >= this.#steps) return false;
    this.step += 1;
    this.counts.steps = this.step;
    this.#calls = 0;
    return true;
  }

  /** The random generator of this step, which is independent of earlier steps. */
  get stepRandom() {
    return this.random.fork(this.step);
  }

  /** Writes a line to the journal, before the action that it describes. @param {string} text */
  note(text) {
    this.#calls += 1;
    this.#journal.write(`${this.step}.${this.#calls} ${text.length > 600 ? `${text.slice(0, 600)}…` : text}`);
  }

  save() {
    saveCounts(this.#paths.counts, this.counts);
    this.#saved = performance.now();
  }

  /** @param {string} name of the function @param {string} outcome */
  count(name, outcome) {
    this.counts.outcomes[name] ??= {};
    add(this.counts.outcomes[name] ?? {}, outcome);
  }

  /** Counts a verified result. @param {string} kind */
  verified(kind) {
    add(this.counts.verified, kind);
  }

  /** @param {string} key names the fault: failures with one key are counted as one @param {string} detail */
  fail(key, detail) {
    const failure = { key, detail, step: this.step, calls: [], count: 1 };
    if (addFailure(this.counts, failure)) {
      const kept = this.counts.failures.at(-1);
      if (kept !== undefined) kept.calls = lastLines(this.#paths.journal, 30);
      this.save();
    }
  }

  /**
   * Checks an error: it must be a CryptokiError, a TypeError or a RangeError with a code, or one thrown by the fuzzer itself.
   * @param {string} name of the function
   * @param {unknown} error
   * @param {{ strange?: boolean | undefined, text?: string }} [given] `strange`: an argument throws its own errors
   */
  judgeError(name, error, given = {}) {
    const where = given.text ?? name;
    if (error instanceof Planted) return this.count(name, 'error of an argument');
    if (!(error instanceof Error)) {
      this.count(name, 'no Error');
      return this.fail(`${name}: throws what is no Error`, `${where}: ${typeof error}`);
    }
    const code = /** @type {{ code?: unknown }} */ (error).code;
    if (error instanceof CryptokiError) {
      this.count(name, error.code);
      if (error.code === 'ERR_CRYPTOKI_INTERNAL')
        this.fail(`ERR_CRYPTOKI_INTERNAL: ${error.message.slice(0, 60)}`, `${where}: ${error.message}`);
      return undefined;
    }
    const isArgument = error instanceof TypeError || error instanceof RangeError;
    if (isArgument && typeof code === 'string' && code.startsWith('ERR_')) return this.count(name, code);
    if (given.strange && isArgument && /proxy|primitive|Symbol|detached/i.test(error.message))
      return this.count(name, 'error of an argument');
    this.count(name, error.name);
    return this.fail(
      `${error.name} without a code: ${error.message.slice(0, 60)}`,
      `${where}: ${error.stack}`,
    );
  }

  /**
   * Waits for promises. A promise that never settles is a failure and ends the leg.
   * @template T
   * @param {readonly { name: string, text: string, promise: Promise<T> }[]} calls
   * @param {number} [patience] milliseconds
   * @returns {Promise<PromiseSettledResult<T>[]>}
   */
  async settle(calls, patience = SETTLED_WITHIN) {
    /** @type {Set<number>} */
    const open = new Set(calls.keys());
    const done = Promise.allSettled(calls.map(({ promise }, i) => promise.finally(() => open.delete(i))));
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, patience, undefined);
    });
    const results = await Promise.race([done, late]);
    clearTimeout(timer);
    if (results !== undefined) return /** @type {PromiseSettledResult<T>[]} */ (results);
    for (const index of open) {
      const call = calls[index];
      this.fail(`${call?.name}: promise never settled`, `${call?.text}, after ${patience} ms`);
    }
    this.save();
    process.exit(3); // calls may hang, so further results of this process are meaningless
  }
}
