import { expect } from 'vitest';
import type { Contract } from './contract';
import { codeOf } from './outcome';

export function random(contract: Contract): void {
  const { test } = contract.chapter('random');

  test('any number of bytes can be requested, and results differ', ['random'], async () => {
    const { session } = contract;
    for (const length of [1, 7, 32, 1000, 20_000]) {
      const [first, second] = [await session.random(length), session.randomSync(length)];
      for (const each of [first, second]) expect(each).toHaveLength(length);
      if (length > 16) expect(first.equals(second)).toBe(false);
    }
  });

  test('zero bytes can be requested', ['random'], async () => {
    expect(await contract.session.random(0)).toHaveLength(0);
    expect(contract.session.randomSync(0)).toHaveLength(0);
  });

  test('a seed is accepted', ['random'], async () => {
    await contract.raw.C_SeedRandom(contract.session.handle, Buffer.alloc(32, 5));
    expect(await contract.session.random(16)).toHaveLength(16);
  });

  test('an empty seed does no harm', ['random'], async () => {
    const code = await codeOf(contract.raw.C_SeedRandom(contract.session.handle, Buffer.alloc(0)));
    expect(code).toMatch(/^(no error|CKR_)/);
    expect(await contract.session.random(16)).toHaveLength(16);
  });
}
