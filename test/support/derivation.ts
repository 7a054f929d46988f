import { createHash } from 'node:crypto';

/** The KDF of ANSI X9.63 (SEC 1, section 3.6.1). */
export function x963(hash: string, secret: Buffer, sharedData: Buffer, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let counter = 1, size = 0; size < length; counter += 1) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(counter);
    const block = createHash(hash).update(secret).update(number).update(sharedData).digest();
    blocks.push(block);
    size += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}
