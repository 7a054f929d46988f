import { createPublicKey, type KeyObject } from 'node:crypto';
import { hex } from './bytes';
import { der } from './keys';

/** A DER INTEGER; a leading zero byte keeps a number with a set sign bit positive. */
function integer(value: Buffer): Buffer {
  return der(2, value.readUInt8(0) < 0x80 ? value : Buffer.concat([Buffer.alloc(1), value]));
}

type DsaPublic = { readonly [name in 'p' | 'q' | 'g' | 'y']: Buffer };

/** The public key for node:crypto. */
export function dsaPublicKey({ p, q, g, y }: DsaPublic): KeyObject {
  const parameters = der(0x30, Buffer.concat([integer(p), integer(q), integer(g)]));
  const algorithm = der(0x30, Buffer.concat([hex('06072a8648ce380401'), parameters]));
  const bits = der(3, Buffer.concat([Buffer.alloc(1), integer(y)]));
  const key = der(0x30, Buffer.concat([algorithm, bits]));
  return createPublicKey({ key, format: 'der', type: 'spki' });
}
