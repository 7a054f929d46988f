// @ts-check
// The PIN pad: pinpad.c sends the PIN verification (PIN_VERIFY_STRUCTURE, PC/SC part 10), and a person types the PIN.
import { setTimeout as wait } from 'node:timers/promises';
import { status } from './apdu.mjs';

const TIMED_OUT = status(0x6400);
const CANCELLED = status(0x6401);
const DEFAULT_TIMEOUT = 30; // s

/** The VERIFY command with the PIN filled in. @param {Buffer} structure @param {string} pin */
function verification(structure, pin) {
  const command = Buffer.from(structure.subarray(19, 19 + structure.readUInt32LE(15)));
  const offset = 5 + ((structure.readUInt8(2) >> 3) & 0x0f);
  command.write(pin, offset, 'latin1');
  return command;
}

export class PinPad {
  /** @type {((typed: string | Buffer) => void) | undefined} */
  #typed;

  /** Waits until a person types. @param {Buffer} structure @returns {Promise<{ command: Buffer } | { answer: Buffer }>} */
  async ask(structure) {
    const ended = new AbortController();
    const seconds = structure.readUInt8(0) || DEFAULT_TIMEOUT;
    const typed = await Promise.race([
      new Promise((/** @type {(typed: string | Buffer) => void} */ resolve) => {
        this.#typed = resolve;
      }),
      wait(seconds * 1000, TIMED_OUT, { signal: ended.signal }).catch(() => TIMED_OUT),
    ]);
    ended.abort();
    this.#typed = undefined;
    return typeof typed === 'string' ? { command: verification(structure, typed) } : { answer: typed };
  }

  /**
   * @param {string} pin or 'cancel', or 'timeout'
   * @returns true if the pad was waiting
   */
  type(pin) {
    const typed = this.#typed;
    typed?.(pin === 'cancel' ? CANCELLED : pin === 'timeout' ? TIMED_OUT : pin);
    return typed !== undefined;
  }
}
