// @ts-check
// A contender: a process that measures operations on request, in slices (see contenders/serve.mjs and native/main.cc).
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * @typedef {import('./contenders/serve.mjs').Target} Target
 * @typedef {import('./contenders/serve.mjs').Slice} Slice
 *
 * @typedef {object} Question
 * @property {string} form
 * @property {import('./operations.mjs').Operation} operation
 * @property {number} sessions
 * @property {number} milliseconds
 * @property {boolean} [delay] true: measures the delay of the event loop
 */

/** Thrown when a contender does not support an operation or has crashed. */
export class Skipped extends Error {}

const PATIENCE = 60_000;

export class Contender {
  #child;
  /** @type {((line: string | undefined) => void) | undefined} */
  #answered;
  #last = '';
  /** @type {string | undefined} */
  #dead;

  /**
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   * @param {NodeJS.ProcessEnv} environment added to this process's
   */
  constructor(name, command, args, environment) {
    this.name = name;
    this.#child = spawn(command, args, {
      env: { ...process.env, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#last = text.trim().split('\n').at(-1) ?? '';
    });
    this.#child.stdin.on('error', () => {}); // the exit event reports the cause
    this.#child.on('error', (error) => this.#ended(error.message));
    this.#child.on('exit', (code, signal) => this.#ended(`it ended with ${signal ?? code}: ${this.#last}`));
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#answered?.(line); // modules print, too
    });
  }

  /** Undefined while the process runs. */
  get dead() {
    return this.#dead;
  }

  /** @param {Target} target @throws Skipped */
  async open(target) {
    await this.#ask({ do: 'open', ...target }, PATIENCE);
  }

  /** One slice. @param {Question} question @returns {Promise<Slice>} @throws Skipped */
  async run({ operation, ...rest }) {
    const { name, title: _title, weight: _weight, ...more } = operation;
    const command = { do: 'run', ...rest, operation: name, ...more };
    return /** @type {Slice} */ (await this.#ask(command, PATIENCE + 20 * rest.milliseconds));
  }

  close() {
    this.#child.stdin.end();
    if (this.#dead !== undefined) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
      this.#child.on('exit', () => {
        clearTimeout(timer);
        resolve(undefined);
      });
    });
  }

  /** @param {string} why */
  #ended(why) {
    this.#dead ??= why;
    this.#answered?.(undefined);
  }

  /** @param {object} command @param {number} patience @returns {Promise<object>} */
  async #ask(command, patience) {
    if (this.#dead !== undefined) throw new Skipped(this.#dead);
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const line = await new Promise((resolve) => {
      this.#answered = resolve;
      timer = setTimeout(() => {
        this.#dead = `it did not answer for ${patience / 1000} s`;
        this.#child.kill('SIGKILL');
      }, patience);
      this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    });
    clearTimeout(timer);
    this.#answered = undefined;
    if (line === undefined) throw new Skipped(this.#dead);
    const answer = JSON.parse(line);
    if (answer.skip ?? answer.error) throw new Skipped(answer.skip ?? answer.error);
    return answer;
  }
}
