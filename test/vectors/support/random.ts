import { randomBytes, randomInt } from 'node:crypto';

/** Twenty messages: empty, one byte, around one and two blocks, the longest allowed, and random lengths. */
export function randomMessages(block: number, longest = 5000): Buffer[] {
  const edges = [0, 1, block - 1, block, block + 1, 2 * block - 1, 2 * block, 2 * block + 1, longest];
  const sizes = edges.filter((size) => size >= 0 && size <= longest);
  while (sizes.length < 20) sizes.push(randomInt(longest + 1));
  return sizes.map((size) => randomBytes(size));
}
