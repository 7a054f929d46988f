// @ts-check
// The journal of a child process: a line is written before each call, so that it survives a crash.
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';

/** Size in bytes at which the journal starts a new file; the previous file is kept. */
const LARGEST_FILE = 4 * 1024 * 1024;

const before = (/** @type {string} */ path) => `${path}.before`;

/** The writing side. */
export class Journal {
  #path;
  #file;
  #size = 0;

  /** @param {string} path */
  constructor(path) {
    this.#path = path;
    rmSync(before(path), { force: true });
    this.#file = openSync(path, 'w');
  }

  /** Writes one line and returns when the operating system has received it. @param {string} text */
  write(text) {
    if (this.#size > LARGEST_FILE) {
      closeSync(this.#file);
      renameSync(this.#path, before(this.#path));
      this.#file = openSync(this.#path, 'w');
      this.#size = 0;
    }
    this.#size += writeSync(this.#file, `${text.replaceAll('\n', ' ')}\n`);
  }
}

/** The last lines of a journal, oldest first. @param {string} path @param {number} count */
export function lastLines(path, count) {
  const read = (/** @type {string} */ file) =>
    existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  const lines = read(path);
  return (lines.length < count ? [...read(before(path)), ...lines] : lines).slice(-count);
}
