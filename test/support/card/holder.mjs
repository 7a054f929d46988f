// @ts-check
// The actions of a person with cards: owns several, inserts and removes them, types on the PIN pad. It also injects faults of
// the cards.
import { setTimeout as wait } from 'node:timers/promises';
import { status, Transport } from './apdu.mjs';
import { Connection, connected } from './connection.mjs';
import { PinPad } from './pad.mjs';
import { PivCard } from './piv.mjs';

const GENERAL_AUTHENTICATE = 0x87;
const NO_INSTRUCTION = 0x6d00;
const PAD_CLASS = 0xff;

/** @param {string} historical historical bytes, by which a card describes itself */
function atr(historical) {
  const text = Buffer.from(historical);
  const bytes = Buffer.from([0x80 | text.length, 0x80, 0x01, ...text]); // T=0 and T=1
  return Buffer.from([0x3b, ...bytes, bytes.reduce((check, byte) => check ^ byte, 0)]);
}

/** Its methods are those of Card in reader.ts, which the test process calls. */
export class CardHolder {
  #port;
  /** @type {Connection | undefined} */
  #inserted;
  /** Resolves when the reader has detected the latest removal of a card. */
  #leaving = Promise.resolve();
  #pad = new PinPad();
  /** @type {Map<string, PivCard>} */
  #cards = new Map();
  #delay = 0;
  #failure = { word: 0, instruction: GENERAL_AUTHENTICATE, count: 0 };
  #commands = 0;

  /** @param {number} port of the reader */
  constructor(port) {
    this.#port = port;
  }

  /** @param {string} [name] */
  #card(name = 'first') {
    const card = this.#cards.get(name) ?? new PivCard(name);
    this.#cards.set(name, card);
    return card;
  }

  /** @param {{ card?: string | null, wait?: boolean }} [options] */
  async insert(options = {}) {
    const before = this.#inserted;
    this.#inserted = undefined;
    if (before !== undefined) this.#leaving = before.remove();
    const handle = () => Promise.resolve(status(NO_INSTRUCTION));
    const unknown = { atr: atr('unknown'), power: () => {}, handle };
    const card = options.card === null ? unknown : this.#powered(this.#card(options.card));
    await this.#leaving; // the slot holds one card
    const connection = new Connection(await connected(this.#port), card);
    this.#inserted = connection;
    if (options.wait !== false) await connection.seen;
  }

  /** @param {{ wait?: boolean }} [options] */
  async remove(options = {}) {
    if (this.#inserted !== undefined) this.#leaving = this.#inserted.remove();
    this.#inserted = undefined;
    if (options.wait !== false) await this.#leaving;
  }

  /** @param {PivCard} card @returns {import('./connection.mjs').Inserted} */
  #powered(card) {
    const transport = new Transport((command) => {
      const failure = this.#failure;
      if (failure.count === 0 || failure.instruction !== command.instruction) return card.execute(command);
      failure.count -= 1;
      return failure.word;
    });
    const power = () => {
      card.reset();
      transport.reset();
    };
    const handle = async (/** @type {Buffer} */ message) => {
      this.#commands += 1;
      if (this.#delay > 0) await wait(this.#delay);
      if (message[0] !== PAD_CLASS) return transport.handle(message);
      const typed = await this.#pad.ask(message.subarray(5));
      return 'answer' in typed ? typed.answer : transport.handle(typed.command);
    };
    power();
    return { atr: atr('PIV test'), power, handle };
  }

  /** @param {number} milliseconds */
  delay(milliseconds) {
    this.#delay = milliseconds;
  }

  /** @param {number} word @param {{ count?: number, instruction?: number }} [options] */
  fail(word, options = {}) {
    this.#failure = {
      word,
      instruction: options.instruction ?? GENERAL_AUTHENTICATE,
      count: options.count ?? 1,
    };
  }

  /** @param {string} pin */
  type(pin) {
    return this.#pad.type(pin);
  }

  /** @param {string} pin @param {string} [name] */
  setPin(pin, name) {
    this.#card(name).pin.set(pin);
  }

  /** @param {string} [name] */
  state(name) {
    const { pin } = this.#card(name);
    return { present: this.#inserted?.open ?? false, pinTries: pin.tries, commands: this.#commands };
  }
}
