import { createHmac, generateKeyPairSync, type KeyObject, sign as nodeSign } from 'node:crypto';
import type { PublicKey } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { expect } from 'vitest';
import { type Contract, MESSAGES, pairNeeds } from './contract';
import { codeOf } from './outcome';
import { MACS, SIGNATURES } from './signatures';

const PARTS = [Buffer.from('one '), Buffer.alloc(50_000, 3)];

function flip(bytes: Buffer, position: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(position) ^ 1, position);
  return changed;
}

/** 'true', 'false', or the error code. */
async function outcomeOf(attempt: () => unknown): Promise<string> {
  let result: unknown;
  const code = await codeOf(async () => {
    result = await attempt();
  });
  return result === undefined ? code : String(result);
}

export function verify(contract: Contract): void {
  const { test } = contract.chapter('verify');

  for (const its of SIGNATURES) {
    const title = `${its.title}: verifies its own signature, and no other`;
    test(title, [...its.needs('VERIFY'), ...its.needs('SIGN')], async () => {
      const { privateKey, publicKey } = await contract.pair(its.key);
      for (const message of Object.values(MESSAGES)) {
        const signature = await privateKey.sign(its.algorithm, message);
        const check = (data: Buffer, bytes: Buffer) => publicKey.verify(its.algorithm, data, bytes);
        expect(await check(message, signature)).toBe(true);
        expect(publicKey.verifySync(its.algorithm, message, signature)).toBe(true);
        expect(await check(Buffer.concat([message, Buffer.from('.')]), signature)).toBe(false);
        expect(await check(message, flip(signature, signature.length - 1))).toBe(false);
        expect(await check(message, signature)).toBe(true);
      }
    });

    const short = `${its.title}: a signature of another length is wrong`;
    test(short, [...its.needs('VERIFY'), ...its.needs('SIGN')], async () => {
      const { privateKey, publicKey } = await contract.pair(its.key);
      const message = Buffer.from('message');
      const signature = await privateKey.sign(its.algorithm, message);
      for (const bytes of [
        signature.subarray(0, -1),
        signature.subarray(0, 1),
        Buffer.alloc(0),
        Buffer.concat([signature, Buffer.alloc(1)]),
        Buffer.alloc(1000, 1),
      ]) {
        const kind = its.algorithm.replace(/-.*/, '') as 'ECDSA' | 'RSA' | 'EdDSA';
        const wanted = contract.code(
          bytes.length === 0 ? `an empty ${kind} signature` : `an ${kind} signature of another length`,
        );
        for (const attempt of [
          () => publicKey.verify(its.algorithm, message, bytes),
          () => publicKey.verifySync(its.algorithm, message, bytes),
        ]) {
          expect(await outcomeOf(attempt), `${bytes.length} bytes`).toEqual(wanted);
        }
        expect(await publicKey.verify(its.algorithm, message, signature)).toBe(true);
      }
    });
  }

  for (const { algorithm, hash, mechanism } of MACS) {
    const needs = ['write', 'import', `${mechanism}:VERIFY`];
    test(`${algorithm} of node:crypto verifies, and no other`, needs, async () => {
      const { key, value } = await contract.hmac();
      for (const message of Object.values(MESSAGES)) {
        const mac = createHmac(hash, value).update(message).digest();
        expect(await key.verify(algorithm, message, mac)).toBe(true);
        for (const attempt of [
          () => key.verify(algorithm, message, flip(mac, 0)),
          () => key.verifySync(algorithm, message, flip(mac, mac.length - 1)),
        ]) {
          expect(await outcomeOf(attempt)).toEqual(contract.code('a wrong MAC'));
        }
        expect(key.verifySync(algorithm, message, mac)).toBe(true);
      }
    });

    test(`${algorithm}: a MAC of another length is wrong`, needs, async () => {
      const { key, value } = await contract.hmac();
      const message = Buffer.from('message');
      const mac = createHmac(hash, value).update(message).digest();
      for (const bytes of [mac.subarray(0, -1), mac.subarray(0, 1), Buffer.alloc(0)]) {
        const outcome = await outcomeOf(() => key.verify(algorithm, message, bytes));
        expect(outcome, `${bytes.length} bytes`).toEqual(contract.code('a MAC of another length'));
        expect(await key.verify(algorithm, message, mac)).toBe(true);
      }
    });
  }

  test('HMAC in parts', ['write', 'import', 'SHA256_HMAC:VERIFY'], async () => {
    const { raw, session } = contract;
    const { key, value } = await contract.hmac();
    const mac = createHmac('sha256', value).update(Buffer.concat(PARTS)).digest();
    for (const [bytes, outcome] of [
      [mac, 'no error'],
      [flip(mac, 3), contract.code('a wrong MAC in parts')],
    ] as const) {
      await raw.C_VerifyInit(session.handle, { mechanism: CKM.SHA256_HMAC }, key.handle);
      for (const part of PARTS) await raw.C_VerifyUpdate(session.handle, part);
      expect(await codeOf(raw.C_VerifyFinal(session.handle, bytes))).toEqual(outcome);
    }
  });

  /** A public key of node:crypto on the token. */
  async function imported(key: KeyObject, curve?: Buffer): Promise<PublicKey> {
    const { n = '', e = '', x = '', y = '' } = key.export({ format: 'jwk' });
    const b = (text: string): Buffer => Buffer.from(text, 'base64url');
    const point = Buffer.concat([Buffer.from([0x04, 65, 0x04]), b(x), b(y)]);
    const made = await contract.session.createObject({
      class: 'PUBLIC_KEY',
      token: contract.facts.tokenKeys,
      private: false,
      verify: true,
      ...(curve === undefined
        ? { keyType: 'RSA' as const, modulus: b(n), publicExponent: b(e) }
        : { keyType: 'EC' as const, ecParams: curve, ecPoint: point }),
    });
    return made as PublicKey;
  }

  test('RSA signatures of node:crypto', ['write', 'import public', 'RSA_PKCS:VERIFY'], async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = await imported(pair.publicKey);
    for (const message of Object.values(MESSAGES)) {
      const signature = nodeSign('sha256', message, pair.privateKey);
      expect(await key.verify('RSA-PKCS1-SHA256', message, signature)).toBe(true);
      expect(await key.verify('RSA-PKCS1-SHA256', message, flip(signature, 9))).toBe(false);
    }
    await key.destroy();
  });

  test('ECDSA signatures of node:crypto', ['write', 'import public', ...pairNeeds('P-256')], async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = await imported(pair.publicKey, Buffer.from('06082a8648ce3d030107', 'hex'));
    for (const message of Object.values(MESSAGES)) {
      const signature = nodeSign('sha256', message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
      expect(await key.verify('ECDSA-SHA256', message, signature)).toBe(true);
      expect(await key.verify('ECDSA-SHA256', message, flip(signature, 9))).toBe(false);
    }
    await key.destroy();
  });
}
