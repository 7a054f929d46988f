import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as cryptoki from 'cryptoki';
import { load } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';

interface Entry {
  readonly model?: readonly string[];
  readonly client?: readonly string[];
  readonly noRaw?: string;
}

const read = (name: string): Record<string, Entry> =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../spec', name), 'utf8'));
const coverage = read('function-coverage.json');

/** Returns the function 'Class.method' or 'function' that the package exports. */
function exported(name: string): unknown {
  const [first = '', method] = name.split('.');
  const value: unknown = (cryptoki as Record<string, unknown>)[first];
  if (method === undefined) return value;
  const { prototype } = value as { prototype: Record<string, unknown> };
  return (value as Record<string, unknown>)[method] ?? prototype[method];
}

describe('spec/function-coverage.json', () => {
  test('has an entry for each function of PKCS#11, and no other', () => {
    expect(Object.keys(coverage).sort()).toEqual(Object.keys(read('functions.json')).sort());
  });

  test('names methods that exist', () => {
    const names = Object.values(coverage).flatMap(({ model = [], client = [] }) => [...model, ...client]);
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => typeof exported(name) !== 'function')).toEqual([]);
  });

  test('names the functions that the raw level does not have', async () => {
    const raw = (await load(await ensureSoftHSM())) as unknown as Record<string, unknown>;
    const wrong = Object.entries(coverage).filter(
      ([name, { noRaw }]) => (typeof raw[name] === 'function') === (noRaw !== undefined),
    );
    expect(wrong.map(([name]) => name)).toEqual([]);
  });
});
