import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { CKM } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { EDDSA } from './data/eddsa';
import { flip } from './support/bytes';
import { ecPrivateKey, ecPublicKey } from './support/keys';
import { onEachModule } from './support/modules';

describe('node:crypto agrees with', () => {
  for (const { source, curve, value, point, message, signature } of EDDSA) {
    test(source, () => {
      const jwk = {
        kty: 'OKP',
        crv: curve,
        d: value.toString('base64url'),
        x: point.toString('base64url'),
      };
      const key = createPrivateKey({ format: 'jwk', key: jwk });
      expect(sign(null, message, key).toString('hex')).toBe(signature.toString('hex'));
      // node:crypto computes the public key from the private one and ignores x of the JWK.
      const judge = createPublicKey(key);
      expect(judge.export({ format: 'jwk' }).x).toBe(point.toString('base64url'));
      expect(verify(null, message, judge, signature)).toBe(true);
    });
  }
});

onEachModule((target) => {
  for (const { source, curve, value, point, message, signature } of EDDSA) {
    test(`signs ${curve}: ${source}`, async (context) => {
      await target.run(context, ['EDDSA'], async (session) => {
        const key = await ecPrivateKey(session, target, curve, value, point, 'sign');
        expect((await key.sign('EdDSA', message)).toString('hex')).toBe(signature.toString('hex'));
        expect(key.signSync('EdDSA', message).toString('hex')).toBe(signature.toString('hex'));
        const { raw } = session.token.slot.module;
        await raw.C_SignInit(session.handle, { mechanism: CKM.EDDSA }, key.handle);
        expect((await raw.C_Sign(session.handle, message)).toString('hex')).toBe(signature.toString('hex'));
        await key.destroy();
      });
    });

    test(`verifies ${curve}: ${source}`, async (context) => {
      await target.run(context, ['EDDSA'], async (session) => {
        const key = await ecPublicKey(session, target, curve, point);
        expect(await key.verify('EdDSA', message, signature)).toBe(true);
        await target.expectWrong(key.verify('EdDSA', message, flip(signature)));
        await target.expectWrong(key.verify('EdDSA', Buffer.concat([message, message, point]), signature));
        await key.destroy();
      });
    });
  }
});
