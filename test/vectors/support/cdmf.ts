/** CDMF (Johnson, Matyas, Le and Wilkins, IBM Journal of Research and Development 38, 1994): DES with keys of 40 bits. */
import { hex } from './bytes';
import { encryptByNode } from './judge';

/** Triple DES with three equal keys is DES. */
export const thrice = (key: Buffer): Buffer => Buffer.concat([key, key, key]);

/** The DES key that CDMF derives from its own, three times. */
export function cdmfKey(key: Buffer): Buffer {
  const without = Buffer.from(key.map((byte) => byte & 0xfe)); // parity
  const hidden = encryptByNode('des-ede3', thrice(hex('c408b0540ba1e0ae')), without);
  // Every other byte keeps only four bits.
  const short = Buffer.from(
    hidden.map((byte, i) => (byte ^ without.readUInt8(i)) & (i % 2 === 0 ? 0x0e : 0xfe)),
  );
  return thrice(encryptByNode('des-ede3', thrice(hex('ef2c041ce6382fe6')), short));
}
