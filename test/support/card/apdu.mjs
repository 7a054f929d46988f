// @ts-check
// Commands to a card and its answers (ISO 7816-4): short and extended lengths, command chaining, GET RESPONSE.

/** @typedef {{ instruction: number, p1: number, p2: number, data: Buffer }} Command */
/** Runs a command and returns data or a status word. @typedef {(command: Command) => Buffer | number} Execute */

export const OK = 0x9000;

/** @param {number} word */
export const status = (word) => Buffer.from([word >> 8, word & 0xff]);

/** The data of a command and the expected length of the answer. @param {Buffer} message */
function body(message) {
  if (message.length <= 4) return { data: Buffer.alloc(0), expected: 0 };
  const isExtended = message[4] === 0 && message.length >= 7;
  const size = isExtended ? 3 : 1;
  const most = isExtended ? 65536 : 256;
  const first = isExtended ? message.readUInt16BE(5) : message.readUInt8(4);
  const start = 4 + size;
  if (message.length === start) return { data: Buffer.alloc(0), expected: first || most };
  const data = message.subarray(start, start + first);
  const rest = message.subarray(start + first);
  if (rest.length === 0) return { data, expected: most };
  return { data, expected: (isExtended ? rest.readUInt16BE(0) : rest.readUInt8(0)) || most };
}

/** Parses messages into commands, and builds messages from answers. */
export class Transport {
  #execute;
  #chain = Buffer.alloc(0);
  /** @type {Buffer} */
  #answer = Buffer.alloc(0);

  /** @param {Execute} execute */
  constructor(execute) {
    this.#execute = execute;
  }

  reset() {
    this.#chain = Buffer.alloc(0);
    this.#answer = Buffer.alloc(0);
  }

  /** @param {Buffer} message @returns {Buffer} */
  handle(message) {
    if (message.length < 4) return status(0x6700);
    const [cla = 0, instruction = 0, p1 = 0, p2 = 0] = message;
    const { data, expected } = body(message);
    if (instruction === 0xc0) return this.#next(expected);
    const whole = Buffer.concat([this.#chain, data]);
    this.#chain = cla & 0x10 ? whole : Buffer.alloc(0);
    if (cla & 0x10) return status(OK);
    const answer = this.#execute({ instruction, p1, p2, data: whole });
    if (typeof answer === 'number') return status(answer);
    this.#answer = answer;
    return this.#next(expected || 256);
  }

  /** @param {number} length */
  #next(length) {
    const part = this.#answer.subarray(0, length);
    this.#answer = this.#answer.subarray(part.length);
    const left = this.#answer.length;
    return Buffer.concat([part, status(left === 0 ? OK : 0x6100 | Math.min(left, 0xff))]);
  }
}
