/** Bytes of vectors, written as their sources print them. */

/** Hexadecimal digits; white space between them is ignored. */
export function hex(text: string): Buffer {
  const digits = text.replaceAll(/\s/g, '');
  // Buffer.from stops at the first character that is not a digit, so a mistyped vector would only be shorter.
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`no hexadecimal bytes: ${text}`);
  return Buffer.from(digits, 'hex');
}

export function text(value: string): Buffer {
  return Buffer.from(value);
}

export function base64url(value: string): Buffer {
  return Buffer.from(value.replaceAll(/\s/g, ''), 'base64url');
}

/** `count` times the byte `value`. */
export function repeat(value: number, count: number): Buffer {
  return Buffer.alloc(count, value);
}

/** The bytes `first`, `first` + 1 ... `last`. */
export function range(first: number, last: number): Buffer {
  return Buffer.from(Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

/** The same bytes with one bit changed. */
export function flip(bytes: Buffer, position = 0): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(position) ^ 1, position);
  return changed;
}
