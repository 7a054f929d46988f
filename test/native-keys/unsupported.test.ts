import { describe, expect, test } from 'vitest';
import { hasOpenssl, outcomes } from './support/nodes';

describe.skipIf(!(await hasOpenssl()))('a runtime without the OpenSSL of Node.js', () => {
  test('has no native keys, and everything else works', async () => {
    const results = await outcomes({ name: '', hasKeyObjects: false }, 'unsupported');
    expect(results.get('another OpenSSL')).toMatchObject({
      error: 'ERR_CRYPTOKI_UNSUPPORTED',
      message: expect.stringMatching(/sign\(\)/),
    });
    expect(results.get('the rest works')?.value).toBe(64);
  });
});
