// @ts-check
// The connection of a card to the driver of the virtual reader: a client of its port is a card in its slot. The driver requests
// the ATR several times per second, which is how it detects the card, and sends commands. Each message is preceded by its
// length in two bytes.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** @typedef {{ atr: Buffer, power(): void, handle(message: Buffer): Promise<Buffer> }} Inserted */

const ASK_ATR = 4;
/** pcscd requests the ATR of a new card, and again after it has powered the card. */
const LOOKS_AT_NEW = 2;
/** The polling interval of pcscd with a margin, in milliseconds. */
const BETWEEN_LOOKS = 500;
/** Below the ports that systems assign to outgoing connections. */
const PORTS = { first: 20_000, count: 12_000 };

/** @param {Buffer} message */
function framed(message) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** @param {number} port */
async function isFree(port) {
  const server = createServer().listen(port);
  const listens = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error'),
  ]).catch(() => false);
  await new Promise((resolve) => server.close(resolve));
  return listens === true;
}

/** Two consecutive free ports for the two slots of the driver. Each process uses other ports. */
export async function freePorts() {
  for (let offset = process.pid * 2; ; offset += 2) {
    const port = PORTS.first + (offset % PORTS.count);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

/** Connects as soon as the port is open. @param {number} port */
export async function connected(port) {
  for (let attempt = 0; ; attempt++) {
    const socket = connect({ port, host: '127.0.0.1' });
    try {
      await once(socket, 'connect');
      socket.on('error', () => {}); // pcscd was killed
      return socket;
    } catch (error) {
      if (attempt === 100) throw error;
      await wait(100);
    }
  }
}

/** A card in the reader. */
export class Connection {
  #socket;
  #card;
  #received = Buffer.alloc(0);
  #removed = false;
  #busy = false;
  #looks = 0;
  /** @type {() => void} */
  #tellSeen = () => {};
  /** @type {() => void} */
  #tellMissed = () => {};
  /** Resolves when the reader has detected the card. */
  seen = new Promise((resolve) => {
    this.#tellSeen = () => resolve(undefined);
  });
  #missed = new Promise((resolve) => {
    this.#tellMissed = () => resolve(undefined);
  });

  /** @param {import('node:net').Socket} socket @param {Inserted} card */
  constructor(socket, card) {
    this.#socket = socket;
    this.#card = card;
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#read();
    });
    socket.on('close', () => this.#tellMissed());
  }

  get open() {
    return !this.#removed && !this.#socket.destroyed;
  }

  /** Removes the card. Resolves when the reader has detected the removal. */
  async remove() {
    this.#removed = true;
    if (this.#busy) await this.#fail();
    await this.#missed;
  }

  /**
   * Makes a command fail by a reset of the connection; after an orderly end the driver would report an empty answer. pcscd looks
   * for the card right after it, because it has been waiting for that. If the program sends its next command first, OpenSC 0.23
   * never returns from the call.
   */
  async #fail() {
    await wait(BETWEEN_LOOKS);
    this.#socket.resetAndDestroy();
  }

  #read() {
    while (this.#received.length >= 2 && this.#received.length >= 2 + this.#received.readUInt16BE(0)) {
      const message = this.#received.subarray(2, 2 + this.#received.readUInt16BE(0));
      this.#received = this.#received.subarray(2 + message.length);
      void this.#message(message);
    }
  }

  /** @param {Buffer} message */
  async #message(message) {
    const isControl = message.length === 1;
    const asksAtr = isControl && message[0] === ASK_ATR;
    if (this.#removed && asksAtr) return this.#socket.resetAndDestroy();
    if (this.#removed && !isControl) return this.#fail();
    if (isControl && !asksAtr) return this.#card.power();
    this.#busy = true;
    const answer = asksAtr ? this.#card.atr : await this.#card.handle(message);
    this.#busy = false;
    if (!this.open) return;
    this.#socket.write(framed(answer));
    if (!asksAtr) return;
    this.#looks += 1;
    if (this.#looks > LOOKS_AT_NEW) this.#tellSeen();
  }
}
