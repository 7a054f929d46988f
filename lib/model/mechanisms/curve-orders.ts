/** The length of the order of an elliptic curve, which is the length of each half of an ECDSA signature. */

/** Lengths in bytes by object identifier (the content of its DER in hexadecimal). */
const ORDERS: Readonly<Record<string, number>> = {
  // ANSI X9.62: prime192v1 to prime239v3, P-256
  '2a8648ce3d030101': 24,
  '2a8648ce3d030102': 24,
  '2a8648ce3d030103': 24,
  '2a8648ce3d030104': 30,
  '2a8648ce3d030105': 30,
  '2a8648ce3d030106': 30,
  '2a8648ce3d030107': 32,
  // SEC 2: secp112r1, 112r2, 160r1, 160k1, 256k1, 128r1, 128r2, 160r2, 192k1, 224k1, P-224, P-384, P-521
  '2b81040006': 14,
  '2b81040007': 14,
  '2b81040008': 21,
  '2b81040009': 21,
  '2b8104000a': 32,
  '2b8104001c': 16,
  '2b8104001d': 16,
  '2b8104001e': 21,
  '2b8104001f': 24,
  '2b81040020': 29,
  '2b81040021': 28,
  '2b81040022': 48,
  '2b81040023': 66,
  // ANSSI FRP256v1, SM2
  '2a817a01815f65820001': 32,
  '2a811ccf5501822d': 32,
};
/** The prefix of curves of RFC 5639: 1 and 2 follow for brainpoolP160r1 and t1, and so on. */
const BRAINPOOL = '2b2403030208010';
const BRAINPOOL_ORDERS = [20, 24, 28, 32, 40, 48, 64];

/** Names that some modules return in place of an identifier. */
const NAMED: Readonly<Record<string, number>> = {
  ...{ prime256v1: 32, secp256r1: 32, 'P-256': 32, secp256k1: 32 },
  ...{ secp224r1: 28, 'P-224': 28, secp384r1: 48, 'P-384': 48, secp521r1: 66, 'P-521': 66 },
};

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** The bytes after the element. */
  readonly rest: Buffer;
}

/** Returns the first element of DER; undefined for other bytes. */
export function firstElement(der: Buffer): Element | undefined {
  const [tag, first] = der;
  if (tag === undefined || first === undefined) return undefined;
  const more = first < 0x80 ? 0 : first - 0x80;
  if (more > 2 || first === 0x80 || der.length < 2 + more) return undefined;
  const length = more === 0 ? first : der.readUIntBE(2, more);
  if (der.length < 2 + more + length) return undefined;
  const begin = 2 + more;
  return { tag, content: der.subarray(begin, begin + length), rest: der.subarray(begin + length) };
}

/** Returns the bytes of a positive INTEGER without leading zeros. */
export function magnitude(content: Buffer): Buffer {
  let begin = 0;
  while (begin < content.length && content[begin] === 0) begin += 1;
  return content.subarray(begin);
}

/** Reads the length of the order from explicit parameters (ANSI X9.62): version, field, curve, base point, order. */
function explicitOrder(content: Buffer): number | undefined {
  let rest = content;
  for (const tag of [0x02, 0x30, 0x30, 0x04]) {
    const element = firstElement(rest);
    if (element?.tag !== tag) return undefined;
    rest = element.rest;
  }
  const order = firstElement(rest);
  return order?.tag === 0x02 ? magnitude(order.content).length : undefined;
}

/**
 * Returns the length in bytes of the order of a curve.
 * @param ecParams CKA_EC_PARAMS: an object identifier, explicit parameters or a name
 * @returns undefined for an unknown curve
 */
export function orderLength(ecParams: Buffer): number | undefined {
  const element = firstElement(ecParams);
  if (element === undefined) return undefined;
  const { tag, content } = element;
  if (tag === 0x30) return explicitOrder(content);
  if (tag === 0x13) {
    const name = content.toString('latin1');
    return Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  }
  if (tag !== 0x06) return undefined;
  const identifier = content.toString('hex');
  if (identifier.startsWith(BRAINPOOL)) {
    const curve = Number.parseInt(identifier.slice(BRAINPOOL.length), 16);
    return BRAINPOOL_ORDERS[Math.floor((curve - 1) / 2)];
  }
  return Object.hasOwn(ORDERS, identifier) ? ORDERS[identifier] : undefined;
}
