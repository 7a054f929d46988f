// @ts-check
// A PIV card (NIST SP 800-73-4): key 9A on P-256, which needs the PIN once, and 9C on RSA-2048, which needs it for each
// signature. Commands for the issuer are not implemented.
import { createHash } from 'node:crypto';
import { OK } from './apdu.mjs';
import { selfSigned } from './certificate.mjs';
import { ecKey, rsaKey } from './keys.mjs';
import { find, tlv } from './tlv.mjs';

const AID = Buffer.from('a000000308000010000100', 'hex');
const TRIES = 3;
const WRONG_PIN = 0x63c0; // plus the number of tries left
const NOT_SATISFIED = 0x6982;
const BLOCKED = 0x6983;
const WRONG_DATA = 0x6a80;
const NOT_FOUND = 0x6a82;
const WRONG_P1_P2 = 0x6a86;
const NO_REFERENCE = 0x6a88;
const NO_INSTRUCTION = 0x6d00;

const AUTHENTICATION = 0x9a;
const SIGNATURE = 0x9c;
const CERTIFICATES = new Map([
  [AUTHENTICATION, 0x5fc105],
  [SIGNATURE, 0x5fc10a],
]);

/** @param {string} pin */
const padded = (pin) => Buffer.concat([Buffer.from(pin), Buffer.alloc(8, 0xff)], 8);
/** @param {Buffer} pin */
const unpadded = (pin) => pin.toString('latin1').replace(/\xff+$/, '');

/** The FASC-N of a card that was not issued by a federal agency: 40 digits and separators of 4 bits and odd parity. */
function cardholderNumber() {
  const values = [...'b9999d9999d999999d0d1d0000000000300001f'].map((digit) => Number.parseInt(digit, 16));
  values.push(values.reduce((sum, value) => sum ^ value, 0));
  const bits = values.map((value) => {
    const low = [...value.toString(2).padStart(4, '0')].reverse().join('');
    const ones = [...low].filter((bit) => bit === '1').length;
    return low + (ones % 2 === 0 ? '1' : '0');
  });
  return Buffer.from(
    bits
      .join('')
      .match(/.{8}/g)
      ?.map((byte) => Number.parseInt(byte, 2)) ?? [],
  );
}

/** A PIN or PUK with the tries left. */
class Secret {
  /** @param {string} value */
  constructor(value) {
    this.value = value;
    this.tries = TRIES;
  }

  /** Compares the value and counts failures. @param {Buffer} given @returns {number} status word */
  check(given) {
    if (this.tries === 0) return BLOCKED;
    if (given.length !== 8) return WRONG_DATA;
    if (given.equals(padded(this.value))) {
      this.tries = TRIES;
      return OK;
    }
    this.tries -= 1;
    return this.tries === 0 ? BLOCKED : WRONG_PIN | this.tries;
  }

  /** @param {string} value */
  set(value) {
    this.value = value;
    this.tries = TRIES;
  }
}

/** The application: its state survives a removal, except for the verified PIN. */
export class PivCard {
  pin = new Secret('123456');
  puk = new Secret('12345678');
  #keys = new Map([
    [AUTHENTICATION, ecKey()],
    [SIGNATURE, rsaKey()],
  ]);
  #objects = new Map();
  #verified = false;
  /** True if the PIN was verified since the last use of the key that needs it each time. */
  #fresh = false;

  /** @param {string} name owner of the card, from which the serial number is made */
  constructor(name) {
    for (const [reference, key] of this.#keys) {
      const subject = `${name} ${reference.toString(16).toUpperCase()}`;
      const certificate = selfSigned(key.privateKey, subject, BigInt(reference));
      const value = Buffer.concat([tlv(0x70, certificate), tlv(0x71, [0]), tlv(0xfe)]);
      this.#objects.set(CERTIFICATES.get(reference), tlv(0x53, value));
    }
    const guid = createHash('sha256').update(name).digest().subarray(0, 16);
    const holder = [tlv(0x30, cardholderNumber()), tlv(0x34, guid), tlv(0x35, Buffer.from('20991231'))];
    this.#objects.set(0x5fc102, tlv(0x53, ...holder, tlv(0x3e), tlv(0xfe)));
    this.#objects.set(0x7e, tlv(0x7e, tlv(0x4f, AID), tlv(0x5f2f, [0x40, 0])));
  }

  /** The card has lost power, or another application was selected. */
  reset() {
    this.#verified = false;
    this.#fresh = false;
  }

  /** @param {import('./apdu.mjs').Command} command @returns {Buffer | number} */
  execute({ instruction, p1, p2, data }) {
    switch (instruction) {
      case 0xa4:
        return this.#select(p1, data);
      case 0xcb:
        return this.#objects.get(find(data, 0x5c)?.reduce((id, byte) => id * 256 + byte, 0)) ?? NOT_FOUND;
      case 0x20:
        return this.#verify(p1, p2, data);
      case 0x24:
        return this.#change(p2, data);
      case 0x2c:
        return this.#unblock(data);
      case 0x87:
        return this.#authenticate(p1, p2, data);
      default:
        return NO_INSTRUCTION;
    }
  }

  /** @param {number} p1 @param {Buffer} data */
  #select(p1, data) {
    const isThis = p1 === 4 && data.length >= 5 && AID.subarray(0, data.length).equals(data);
    if (!isThis) return NOT_FOUND;
    this.reset();
    return tlv(0x61, tlv(0x4f, AID.subarray(5)), tlv(0x79, tlv(0x4f, AID.subarray(0, 5))));
  }

  /** @param {number} p1 @param {number} p2 @param {Buffer} data */
  #verify(p1, p2, data) {
    if (p2 !== 0x80) return NO_REFERENCE;
    if (p1 === 0xff) this.reset();
    if (p1 === 0xff) return OK;
    if (data.length === 0) {
      if (this.#verified) return OK;
      return this.pin.tries === 0 ? BLOCKED : WRONG_PIN | this.pin.tries;
    }
    const outcome = this.pin.check(data);
    this.#verified = this.#fresh = outcome === OK;
    return outcome;
  }

  /** @param {number} p2 @param {Buffer} data */
  #change(p2, data) {
    if (p2 !== 0x80 && p2 !== 0x81) return NO_REFERENCE;
    const secret = p2 === 0x80 ? this.pin : this.puk;
    const outcome = secret.check(data.subarray(0, 8));
    if (outcome === OK) secret.set(unpadded(data.subarray(8, 16)));
    return outcome;
  }

  /** @param {Buffer} data */
  #unblock(data) {
    const outcome = this.puk.check(data.subarray(0, 8));
    if (outcome === OK) this.pin.set(unpadded(data.subarray(8, 16)));
    return outcome;
  }

  /** GENERAL AUTHENTICATE: signs. @param {number} algorithm @param {number} reference @param {Buffer} data */
  #authenticate(algorithm, reference, data) {
    const key = this.#keys.get(reference);
    if (key === undefined) return NO_REFERENCE;
    if (key.algorithm !== algorithm) return WRONG_P1_P2;
    if (!this.#verified || (reference === SIGNATURE && !this.#fresh)) return NOT_SATISFIED;
    if (reference === SIGNATURE) this.#fresh = false;
    const block = find(find(data, 0x7c), 0x81);
    return block === undefined ? WRONG_DATA : tlv(0x7c, tlv(0x82, key.sign(block)));
  }
}
