import type { MechanismName } from 'cryptoki';
import { CKA, CKK, CKO } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { WRAPS, type WrapVector } from './data/key-wrap';
import { hex } from './support/bytes';
import { encryptByNode } from './support/judge';
import { mechanismNumber, secretKey, takeValue } from './support/keys';
import { onEachModule, type Target } from './support/modules';
import { NSS } from './support/nss';

function wrapByNode({ kind, kek, key }: WrapVector): Buffer {
  const name = `id-aes${kek.length * 8}-wrap`;
  if (kind === 'kwp') return encryptByNode(`${name}-pad`, kek, key, { iv: hex('a65959a6') });
  const padding = kind === 'pkcs7' ? 8 - (key.length % 8) : 0;
  const padded = Buffer.concat([key, Buffer.alloc(padding, padding)]);
  return encryptByNode(name, kek, padded, { iv: Buffer.alloc(8, 0xa6) });
}

/** NSS has two mechanisms of its own with the same result. */
function mechanismsOf(target: Target, kind: WrapVector['kind']): [MechanismName, string][] {
  const standard = kind === 'plain' ? 'AES_KEY_WRAP' : target.description.paddedWrap[kind];
  const own = { plain: 'AES_KEY_WRAP', kwp: undefined, pkcs7: 'AES_KEY_WRAP_PAD' } as const;
  const name = own[kind];
  return [
    [standard, String(standard)],
    ...(name === undefined ? [] : ([[NSS[name], `CKM_NSS_${name}`]] as [MechanismName, string][])),
  ];
}

describe('node:crypto agrees with', () => {
  for (const vector of WRAPS) {
    test(`${vector.kind}: ${vector.source}`, () => {
      expect(wrapByNode(vector).toString('hex')).toBe(vector.wrapped.toString('hex'));
    });
  }
});

onEachModule((target) => {
  const all = WRAPS.flatMap((vector) =>
    mechanismsOf(target, vector.kind).map(([wrap, name]) => ({ ...vector, wrap, name })),
  );
  for (const { source, wrap, name, kek, key: value, wrapped } of all) {
    const mechanism = { mechanism: mechanismNumber(wrap) };

    test(`wraps with ${name}: ${source}`, async (context) => {
      await target.run(context, [wrap], async (session) => {
        const { raw } = session.token.slot.module;
        const wrapping = await secretKey(session, 'AES', kek, ['wrap']);
        const key = await secretKey(session, 'GENERIC_SECRET', value, ['sign']);
        const made = await raw.C_WrapKey(session.handle, mechanism, wrapping.handle, key.handle);
        expect(made.toString('hex')).toBe(wrapped.toString('hex'));
        await key.destroy();
        await wrapping.destroy();
      });
    });

    test(`unwraps with ${name}: ${source}`, async (context) => {
      await target.run(context, [wrap], async (session) => {
        const { raw } = session.token.slot.module;
        const wrapping = await secretKey(session, 'AES', kek, ['unwrap']);
        const key = await raw.C_UnwrapKey(session.handle, mechanism, wrapping.handle, wrapped, [
          { type: CKA.CLASS, value: CKO.SECRET_KEY },
          { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
          { type: CKA.SENSITIVE, value: false },
          { type: CKA.EXTRACTABLE, value: true },
        ]);
        expect(await takeValue(session, key)).toBe(value.toString('hex'));
        await wrapping.destroy();
      });
    });
  }
});
