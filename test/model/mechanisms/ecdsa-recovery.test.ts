import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { curveNamed } from '../../../lib/model/mechanisms/curves';
import { signersOf } from '../../../lib/model/mechanisms/ecdsa-recovery';

const CURVES = ['P-256', 'P-384', 'P-521', 'secp256k1', 'brainpoolP256r1', 'brainpoolP384r1'] as const;

test.each(CURVES)('the key that has signed on %s is among the two that the signature fits', (curve) => {
  for (const dsaEncoding of ['ieee-p1363', 'der'] as const) {
    for (const hash of ['sha1', 'sha256', 'sha512']) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
      const message = Buffer.from(`${curve} ${hash}`);
      const signature = sign(hash, message, { key: privateKey, dsaEncoding });
      const digest = createHash(hash).update(message).digest();
      const found = signersOf(curve, curveNamed(curve).oid, digest, signature);
      expect(found).toHaveLength(2);
      expect(found.filter((key) => key.equals(publicKey))).toHaveLength(1);
    }
  }
});

test.each([0x02, 0x03, 0x04, 0x06, 0x0c, 0x17, 0x18, 0x1c, 0x1e, 0x30, 0x80, 0xff])(
  'two halves that begin with %i, as DER of some type does, are two halves',
  (tag) => {
    for (const length of [0x3e, 0x3d, 0x80, 0x81, 0x00]) {
      const signature = Buffer.concat([Buffer.of(tag, length), Buffer.alloc(62, 0x02)]);
      const found = signersOf('P-256', curveNamed('P-256').oid, Buffer.alloc(32, 1), signature);
      expect([0, 2]).toContain(found.length); // x of a point, or not
    }
  },
);

test('signersOf() returns nothing for curves with another formula of square roots and for invalid signatures', () => {
  const { oid } = curveNamed('P-224');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-224' });
  const signature = sign('sha256', Buffer.of(1), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  expect(signersOf('P-224', oid, Buffer.alloc(32, 1), signature)).toEqual([]);
  const zero = Buffer.alloc(64);
  expect(signersOf('P-256', curveNamed('P-256').oid, Buffer.alloc(32, 1), zero)).toEqual([]);
});
