/** Random keys and messages for each algorithm of the model: node:crypto verifies signatures of the token, and vice versa. */
import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import type { MechanismInput, MechanismName, PrivateKey, PublicKey, SecretKey, Session } from 'cryptoki';
import { expect, test } from 'vitest';
import { base64url, flip } from './support/bytes';
import {
  type CurveName,
  ecPrivateKey,
  ecPublicKey,
  rsaPrivateKey,
  rsaPublicKey,
  secretKey,
} from './support/keys';
import { onEachModule, type Target } from './support/modules';
import { randomMessages } from './support/random';

const HASHES = { SHA1: 64, SHA224: 64, SHA256: 64, SHA384: 128, SHA512: 128 } as const;

/** Both sides of an algorithm with the same key. */
interface Pair {
  readonly signer: PrivateKey | SecretKey;
  readonly verifier: PublicKey | SecretKey;
  sign(message: Buffer): Buffer;
  verify(message: Buffer, signature: Buffer): boolean;
}

interface Case {
  readonly name: string;
  readonly algorithm: MechanismInput;
  readonly needed: readonly (readonly MechanismName[])[];
  readonly block: number;
  readonly pair: (session: Session, target: Target) => Promise<Pair>;
}

async function elliptic(
  session: Session,
  target: Target,
  curve: CurveName,
  keys: Keys,
): Promise<Keys & Halves> {
  const jwk = keys.privateKey.export({ format: 'jwk' });
  const x = base64url(`${jwk.x}`);
  const point = jwk.y === undefined ? x : Buffer.concat([Buffer.from([4]), x, base64url(jwk.y)]);
  return {
    ...keys,
    signer: await ecPrivateKey(session, target, curve, base64url(`${jwk.d}`), point, 'sign'),
    verifier: await ecPublicKey(session, target, curve, point),
  };
}

interface Keys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}
type Halves = Pick<Pair, 'signer' | 'verifier'>;

const ecdsa = (curve: 'P-256' | 'P-384' | 'P-521', hash: keyof typeof HASHES): Case => ({
  ...{ name: `ECDSA-${hash} on ${curve}`, algorithm: `ECDSA-${hash}`, block: HASHES[hash] },
  needed: [[`ECDSA_${hash}`, 'ECDSA']],
  pair: async (session, target) => {
    const made = generateKeyPairSync('ec', { namedCurve: curve });
    const { privateKey, publicKey, ...halves } = await elliptic(session, target, curve, made);
    const dsaEncoding = 'ieee-p1363';
    return {
      ...halves,
      sign: (message) => sign(hash, message, { key: privateKey, dsaEncoding }),
      verify: (message, signature) => verify(hash, message, { key: publicKey, dsaEncoding }, signature),
    };
  },
});

const eddsa: Case = {
  ...{ name: 'EdDSA with Ed25519', algorithm: 'EdDSA', block: 128, needed: [['EDDSA']] },
  pair: async (session, target) => {
    const made = generateKeyPairSync('ed25519');
    const { privateKey, publicKey, ...halves } = await elliptic(session, target, 'Ed25519', made);
    return {
      ...halves,
      sign: (message) => sign(null, message, privateKey),
      verify: (message, signature) => verify(null, message, publicKey, signature),
    };
  },
};

/** One RSA key for all tests, because generating one takes long. */
let rsaKeys: Keys | undefined;

function rsa(name: string, hash: keyof typeof HASHES, algorithm: MechanismInput, saltLength?: number): Case {
  const isPss = saltLength !== undefined;
  const needed: MechanismName[] = isPss
    ? [`${hash}_RSA_PKCS_PSS`, 'RSA_PKCS_PSS']
    : [`${hash}_RSA_PKCS`, 'RSA_PKCS'];
  return {
    ...{ name, algorithm, block: HASHES[hash], needed: [needed] },
    pair: async (session) => {
      rsaKeys ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
      const { privateKey, publicKey } = rsaKeys;
      const padding = isPss ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
      const options = { padding, ...(isPss ? { saltLength } : {}) };
      return {
        signer: await rsaPrivateKey(session, privateKey, ['sign']),
        verifier: await rsaPublicKey(session, publicKey, ['verify']),
        sign: (message) => sign(hash, message, { key: privateKey, ...options }),
        verify: (message, signature) => verify(hash, message, { key: publicKey, ...options }, signature),
      };
    },
  };
}

const hmac = (hash: keyof typeof HASHES): Case => ({
  ...{ name: `HMAC-${hash}`, algorithm: `HMAC-${hash}`, block: HASHES[hash] },
  needed: [[hash === 'SHA1' ? 'SHA_1_HMAC' : `${hash}_HMAC`]],
  pair: async (session) => {
    const value = randomBytes(64);
    const key = await secretKey(session, 'GENERIC_SECRET', value, ['sign', 'verify']);
    const mac = (message: Buffer): Buffer => createHmac(hash, value).update(message).digest();
    const check = (message: Buffer, signature: Buffer): boolean => mac(message).equals(signature);
    return { signer: key, verifier: key, sign: mac, verify: check };
  },
});

const DIGEST_LENGTHS = { SHA1: 20, SHA224: 28, SHA256: 32, SHA384: 48, SHA512: 64 } as const;
const NAMES = Object.keys(HASHES) as (keyof typeof HASHES)[];
const CASES: readonly Case[] = [
  ...(['P-256', 'P-384', 'P-521'] as const).flatMap((curve) => NAMES.map((hash) => ecdsa(curve, hash))),
  eddsa,
  ...NAMES.flatMap((hash) => [
    rsa(`RSA-PKCS1-${hash}`, hash, `RSA-PKCS1-${hash}`),
    rsa(`RSA-PSS-${hash}`, hash, `RSA-PSS-${hash}`, DIGEST_LENGTHS[hash]),
    rsa(`RSA-PSS-${hash} with 11 bytes of salt`, hash, { name: `RSA-PSS-${hash}`, saltLength: 11 }, 11),
    hmac(hash),
  ]),
];

onEachModule((target) => {
  for (const { name, algorithm, needed, block, pair } of CASES) {
    test(`${name} both ways`, async (context) => {
      await target.run(context, needed, async (session) => {
        const { signer, verifier, ...node } = await pair(session, target);
        for (const message of randomMessages(block)) {
          const fromToken = await signer.sign(algorithm, message);
          expect(node.verify(message, fromToken)).toBe(true);
          expect(node.verify(message, signer.signSync(algorithm, message))).toBe(true);
          const fromNode = node.sign(message);
          expect(await verifier.verify(algorithm, message, fromNode)).toBe(true);
          expect(verifier.verifySync(algorithm, message, fromNode)).toBe(true);
          const wrong = verifier.verify(algorithm, message, flip(fromNode, fromNode.length - 1));
          await target.expectWrong(wrong);
        }
        await signer.destroy();
        if (verifier.handle !== signer.handle) await verifier.destroy();
      });
    });
  }
});
