// @ts-check
// BER-TLV and DER: the encodings of cards and certificates.

/** @typedef {{ tag: number, value: Buffer }} Element */
/** @typedef {Uint8Array | readonly number[]} Bytes */

/** @param {number} number @returns {number[]} big endian, without leading zeros */
function bytesOf(number) {
  const bytes = [];
  for (let rest = number; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes.length === 0 ? [0] : bytes;
}

/** One element. @param {number} tag @param {...Bytes} parts of its value */
export function tlv(tag, ...parts) {
  const value = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  const length = bytesOf(value.length);
  if (value.length >= 0x80) length.unshift(0x80 | length.length);
  return Buffer.concat([Uint8Array.from([...bytesOf(tag), ...length]), value]);
}

/** The consecutive elements. @param {Buffer} bytes @returns {Element[]} */
export function parse(bytes) {
  const elements = [];
  let at = 0;
  const next = () => {
    const byte = bytes[at++];
    if (byte === undefined) throw new RangeError('the element ends too early');
    return byte;
  };
  while (at < bytes.length) {
    let tag = next();
    if ((tag & 0x1f) === 0x1f) {
      let byte = 0x80;
      while (byte & 0x80) {
        byte = next();
        tag = tag * 256 + byte;
      }
    }
    let length = next();
    if (length & 0x80) {
      let count = length & 0x7f;
      for (length = 0; count > 0; count--) length = length * 256 + next();
    }
    if (at + length > bytes.length) throw new RangeError('the element ends too early');
    elements.push({ tag, value: bytes.subarray(at, at + length) });
    at += length;
  }
  return elements;
}

/** The value of the first element with a tag. @param {Buffer | undefined} bytes @param {number} tag */
export function find(bytes, tag) {
  return bytes === undefined ? undefined : parse(bytes).find((element) => element.tag === tag)?.value;
}

/** A DER INTEGER of a number that is not negative. @param {bigint} number */
export function integer(number) {
  const hex = number.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return tlv(0x02, (bytes[0] ?? 0) & 0x80 ? [0] : [], bytes);
}
