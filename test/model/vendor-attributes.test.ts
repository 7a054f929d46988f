import { type AttributeName, type Attributes, registerAttribute, type Session } from 'cryptoki';
import { CKA } from 'cryptoki/raw';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Opened, openToken } from '../support/open';

declare module 'cryptoki' {
  interface VendorAttributes {
    acmeQuota: number;
    acmeOwner: string;
  }
}

const QUOTA = CKA.VENDOR_DEFINED + 1;
const OWNER = CKA.VENDOR_DEFINED + 2;

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

test('an attribute of a vendor accepts bytes by number, and is refused by an unregistered name', async () => {
  const name = 'acmeNothing' as AttributeName;
  await expect(session.find({ [name]: 5 } as unknown as Attributes)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
  });
  await expect(
    opened.module.raw.C_FindObjectsInit(session.handle, [{ type: QUOTA + 100, value: 5 }]),
  ).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
});

test('a registered attribute of a vendor has a name and a type in templates, results and errors', async () => {
  registerAttribute('acmeQuota', { type: QUOTA, kind: 'ulong' });
  registerAttribute('acmeOwner', { type: OWNER, kind: 'utf8' });
  // SoftHSM2 refuses unknown attributes; its answer proves that the template reached it.
  await expect(session.createObject({ class: 'DATA', acmeQuota: 5, acmeOwner: 'Ada' })).rejects.toMatchObject(
    {
      code: 'CKR_ATTRIBUTE_TYPE_INVALID',
    },
  );
  await expect(session.find({ acmeQuota: 5, acmeOwner: 'Ada' })).resolves.toEqual([]);
  const wrong = { acmeQuota: 'many' as unknown as number };
  await expect(session.find(wrong)).rejects.toThrow(/acmeQuota.*must be a non-negative integer/);
  const data = await session.createObject({ class: 'DATA', label: 'x', value: Buffer.from('x') });
  const { acmeQuota, label }: { acmeQuota?: number; label?: string } = await data.attributes(
    'acmeQuota',
    'label',
  );
  expect([acmeQuota, label]).toEqual([undefined, 'x']);
});

test.each<[string, unknown, string]>([
  ['', { type: QUOTA, kind: 'ulong' }, 'ERR_INVALID_ARG_VALUE'],
  ['label', { type: QUOTA, kind: 'ulong' }, 'ERR_INVALID_ARG_VALUE'],
  ['acme', { type: 5, kind: 'ulong' }, 'ERR_OUT_OF_RANGE'],
  ['acme', { type: QUOTA, kind: 'number' }, 'ERR_INVALID_ARG_VALUE'],
  ['acme', { type: QUOTA, kind: 'ulong', size: 4 }, 'ERR_INVALID_ARG_VALUE'],
  ['acme', null, 'ERR_INVALID_ARG_TYPE'],
])('registerAttribute(%j, %j) is refused', (name, options, code) => {
  expect(() => registerAttribute(name, options as Parameters<typeof registerAttribute>[1])).toThrow(
    expect.objectContaining({ code }),
  );
});
