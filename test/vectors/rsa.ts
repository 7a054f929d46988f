import { constants, createHash, createPublicKey, privateDecrypt, verify } from 'node:crypto';
import type { MechanismName } from 'cryptoki';
import { CKG, CKM, CKZ } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import {
  DECRYPTION_KEY,
  DIGEST_INFO,
  RSA_DECRYPTIONS,
  RSA_SIGNATURES,
  type RsaDecryption,
  SIGNING_KEY,
} from './data/rsa';
import { flip, hex, text } from './support/bytes';
import { rsaPrivateKey, rsaPublicKey } from './support/keys';
import { onEachModule } from './support/modules';

const PUBLIC_KEY = createPublicKey(SIGNING_KEY);
const [PKCS1] = RSA_SIGNATURES;

function nameOf(algorithm: RsaDecryption['algorithm']): string {
  if (typeof algorithm === 'string') return algorithm;
  return `${algorithm.name}${algorithm.label === undefined ? '' : ' with a label'}`;
}

describe('node:crypto agrees with', () => {
  for (const { kind, hash, source, saltLength, message, signature } of RSA_SIGNATURES) {
    test(`${kind} with ${hash}: ${source}`, () => {
      const padding = kind === 'PSS' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
      const judge = { key: PUBLIC_KEY, padding, ...(kind === 'PSS' ? { saltLength } : {}) };
      expect(verify(hash, message, judge, signature)).toBe(true);
    });
  }

  for (const { algorithm, source, plain, encrypted } of RSA_DECRYPTIONS) {
    const name = nameOf(algorithm);
    // Some versions of node:crypto refuse to remove PKCS#1 v1.5 padding, so the test decrypts without padding and checks it.
    test(`${name}: ${source}`, () => {
      if (typeof algorithm === 'string') {
        const padding = constants.RSA_NO_PADDING;
        const padded = privateDecrypt({ key: DECRYPTION_KEY, padding }, encrypted);
        expect(padded.subarray(0, 2)).toEqual(hex('0002'));
        expect(padded.subarray(padded.indexOf(0, 2) + 1)).toEqual(plain);
        return;
      }
      const oaepHash = algorithm.name.slice('RSA-OAEP-'.length);
      const label = algorithm.label === undefined ? {} : { oaepLabel: algorithm.label };
      expect(privateDecrypt({ key: DECRYPTION_KEY, oaepHash, ...label }, encrypted)).toEqual(plain);
    });
  }
});

onEachModule((target) => {
  for (const { kind, hash, source, saltLength, message, signature } of RSA_SIGNATURES) {
    const name = `RSA-${kind}-${hash}`;
    const algorithm = kind === 'PSS' ? { name, saltLength } : name;
    const whole: MechanismName = kind === 'PSS' ? `${hash}_RSA_PKCS_PSS` : `${hash}_RSA_PKCS`;
    const needed = [[whole, kind === 'PSS' ? 'RSA_PKCS_PSS' : 'RSA_PKCS'] as const];

    test(`verifies ${name}: ${source}`, async (context) => {
      await target.run(context, needed, async (session) => {
        const key = await rsaPublicKey(session, SIGNING_KEY, ['verify']);
        expect(await key.verify(algorithm, message, signature)).toBe(true);
        expect(key.verifySync(algorithm, message, signature)).toBe(true);
        await target.expectWrong(key.verify(algorithm, message, flip(signature, 100)));
        await target.expectWrong(key.verify(algorithm, flip(message), signature));
        await key.destroy();
      });
    });

    test(`signs ${name}: ${source}`, async (context) => {
      await target.run(context, needed, async (session) => {
        const key = await rsaPrivateKey(session, SIGNING_KEY, ['sign']);
        const made = await key.sign(algorithm, message);
        if (saltLength === 0) expect(made.toString('hex')).toBe(signature.toString('hex'));
        const padding = kind === 'PSS' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
        const judge = { key: PUBLIC_KEY, padding, ...(kind === 'PSS' ? { saltLength } : {}) };
        expect(verify(hash, message, judge, made)).toBe(true);
        await key.destroy();
      });
    });
  }

  test('signs the padded digest with RSA_X_509: RFC 7520, 4.1', async (context) => {
    await target.run(context, ['RSA_X_509'], async (session) => {
      const key = await rsaPrivateKey(session, SIGNING_KEY, ['sign']);
      const digest = createHash('sha256')
        .update(PKCS1?.message ?? '')
        .digest();
      const info = Buffer.concat([DIGEST_INFO.SHA256, digest]);
      const padding = Buffer.alloc(256 - 3 - info.length, 0xff);
      const padded = Buffer.concat([hex('0001'), padding, hex('00'), info]);
      expect(await key.sign({ mechanism: 'RSA_X_509' }, padded)).toEqual(PKCS1?.signature);
      await key.destroy();
    });
  });

  for (const { algorithm, source, plain, encrypted } of RSA_DECRYPTIONS) {
    const name = nameOf(algorithm);

    test(`decrypts ${name}: ${source}`, async (context) => {
      const needed = [name === 'RSA-PKCS1' ? 'RSA_PKCS' : 'RSA_PKCS_OAEP'] as const;
      await target.run(context, needed, async (session) => {
        const key = await rsaPrivateKey(session, DECRYPTION_KEY, ['decrypt']);
        expect(await key.decrypt(algorithm, encrypted)).toEqual(plain);
        expect(key.decryptSync(algorithm, encrypted)).toEqual(plain);
        await key.destroy();
      });
    });
  }

  // Field by field, for a caller that does not use algorithm names.
  test('decrypts with CK_RSA_PKCS_OAEP_PARAMS: RFC 7516, A.1.3', async (context) => {
    await target.run(context, ['RSA_PKCS_OAEP'], async (session) => {
      const [first] = RSA_DECRYPTIONS;
      const key = await rsaPrivateKey(session, DECRYPTION_KEY, ['decrypt']);
      const parameter = { hashAlg: CKM.SHA_1, mgf: CKG.MGF1_SHA1, source: CKZ.DATA_SPECIFIED };
      const how = { mechanism: 'RSA_PKCS_OAEP', parameter } as const;
      expect(await key.decrypt(how, first?.encrypted ?? text(''))).toEqual(first?.plain);
      await key.destroy();
    });
  });
});
