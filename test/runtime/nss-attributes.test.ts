import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, openNss, whyNoNss } from '../support/nss';

let nss: Nss;
beforeAll(async () => {
  if (whyNoNss === undefined) nss = await openNss();
});
afterAll(() => nss?.close());

// NSS writes an attribute whole, so a value that grows between the call for its length and the call for itself would be
// written over the end of the memory. The address sanitizer sees it.
describe.skipIf(whyNoNss !== undefined)('NSS', () => {
  test('returns one of the values of a label that another session changes during the read', async () => {
    const { token } = nss.session;
    const writer = await token.openSession({ readWrite: true });
    const readers = await Promise.all([1, 2, 3].map(() => token.openSession()));
    const labels = ['short', 'long '.repeat(1000).trimEnd()];
    const object = await writer.createObject({
      class: 'DATA',
      label: 'short',
      value: Buffer.alloc(8),
      private: false,
    });
    let isOver = false;
    const write = async (): Promise<void> => {
      for (let i = 1; i <= 300; i += 1) await object.setAttributes({ label: labels[i % 2] as string });
      isOver = true;
    };
    const wrong: unknown[] = [];
    let read = 0;
    const look = async (its: typeof object): Promise<void> => {
      while (!isOver) {
        const { label } = await its.attributes('label');
        if (typeof label !== 'string' || !labels.includes(label)) wrong.push(label);
        read += 1;
      }
    };
    await Promise.all([write(), ...readers.map((session) => look(object.on(session)))]);
    expect(wrong).toEqual([]);
    expect(read).toBeGreaterThan(100);
    await object.destroy();
    await Promise.all([writer, ...readers].map((session) => session.close()));
  });
});
