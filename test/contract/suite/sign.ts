import { createHmac } from 'node:crypto';
import { CKM } from 'cryptoki/raw';
import { expect } from 'vitest';
import { type Contract, MESSAGES, pairNeeds } from './contract';
import { codeOf } from './outcome';
import { judge, MACS, SIGNATURES } from './signatures';

/** A message in parts; one of them is larger than a block. */
const PARTS = [Buffer.from('one '), Buffer.from('two '), Buffer.alloc(50_000, 3)];

export function sign(contract: Contract): void {
  const { test } = contract.chapter('sign');
  const HMAC = ['write', 'import', 'SHA256_HMAC:SIGN'];

  for (const its of SIGNATURES) {
    test(`${its.title}, as node:crypto verifies`, its.needs('SIGN'), async () => {
      const { privateKey, publicKey } = await contract.pair(its.key);
      const key = await publicKey.toKeyObject();
      for (const [name, message] of Object.entries(MESSAGES)) {
        const signature = await privateKey.sign(its.algorithm, message);
        expect(judge(its, key, message, signature), `message ${name}`).toBe(true);
        const again = privateKey.signSync(its.algorithm, message);
        expect(judge(its, key, message, again), `message ${name}, synchronous`).toBe(true);
      }
    });
  }

  for (const { algorithm, hash, mechanism } of MACS) {
    test(`${algorithm}, as node:crypto makes it`, ['write', 'import', `${mechanism}:SIGN`], async () => {
      const { key, value } = await contract.hmac();
      for (const message of Object.values(MESSAGES)) {
        const expected = createHmac(hash, value).update(message).digest();
        expect(await key.sign(algorithm, message)).toEqual(expected);
        expect(key.signSync(algorithm, message)).toEqual(expected);
      }
    });
  }

  test('RSA-PSS with salts of other lengths', [...pairNeeds('RSA'), 'SHA256_RSA_PKCS_PSS:SIGN'], async () => {
    const its = SIGNATURES.find(({ algorithm }) => algorithm === 'RSA-PSS-SHA256');
    if (its === undefined) throw new Error('no such case');
    const { privateKey, publicKey } = await contract.pair('RSA');
    const key = await publicKey.toKeyObject();
    for (const saltLength of [0, 20]) {
      const signature = await privateKey.sign({ name: 'RSA-PSS-SHA256', saltLength }, PARTS[0] as Buffer);
      const node = { ...its.node, saltLength };
      expect(judge({ ...its, node }, key, PARTS[0] as Buffer, signature)).toBe(true);
    }
  });

  test('HMAC in parts', HMAC, async () => {
    const { raw, session } = contract;
    const { key, value } = await contract.hmac();
    await raw.C_SignInit(session.handle, { mechanism: CKM.SHA256_HMAC }, key.handle);
    for (const part of PARTS) await raw.C_SignUpdate(session.handle, part);
    const expected = createHmac('sha256', value).update(Buffer.concat(PARTS)).digest();
    expect(await raw.C_SignFinal(session.handle)).toEqual(expected);
  });

  test('HMAC of an empty part', HMAC, async () => {
    const { raw, session } = contract;
    const { key, value } = await contract.hmac();
    await raw.C_SignInit(session.handle, { mechanism: CKM.SHA256_HMAC }, key.handle);
    await raw.C_SignUpdate(session.handle, Buffer.alloc(0));
    expect(raw.C_SignFinalSync(session.handle)).toEqual(createHmac('sha256', value).digest());
  });

  for (const [title, name, algorithm] of [
    ['RSA-PKCS1', 'RSA', 'RSA-PKCS1-SHA256'],
    ['ECDSA', 'P-256', 'ECDSA-SHA256'],
  ] as const) {
    const mechanism = name === 'RSA' ? 'SHA256_RSA_PKCS' : 'ECDSA_SHA256';
    test(`${title} in parts`, [...pairNeeds(name), `${mechanism}:SIGN`], async () => {
      const { raw, session } = contract;
      const { privateKey, publicKey } = await contract.pair(name);
      await raw.C_SignInit(session.handle, { mechanism: CKM[mechanism] }, privateKey.handle);
      for (const part of PARTS) await raw.C_SignUpdate(session.handle, part);
      const signature = await raw.C_SignFinal(session.handle);
      const its = SIGNATURES.find((each) => each.algorithm === algorithm && each.key === name);
      if (its === undefined) throw new Error('no such case');
      expect(judge(its, await publicKey.toKeyObject(), Buffer.concat(PARTS), signature)).toBe(true);
    });
  }

  test('a key of another type is refused', [...pairNeeds('P-256'), 'RSA_PKCS:SIGN'], async () => {
    const { privateKey } = await contract.pair('P-256');
    for (const attempt of [
      () => privateKey.sign({ mechanism: 'RSA_PKCS' }, Buffer.alloc(1)),
      () => privateKey.signSync({ mechanism: 'RSA_PKCS' }, Buffer.alloc(1)),
    ]) {
      expect(await codeOf(attempt)).toEqual(contract.code('a key of another type'));
      await expectSigns();
    }
  });

  test('a key that may not sign is refused', [...pairNeeds('P-256'), 'ECDSA:SIGN'], async () => {
    const { privateKey } = await contract.pair('P-256', 'derive');
    expect(await codeOf(privateKey.sign('ECDSA-SHA256', Buffer.alloc(1)))).toEqual(
      contract.code('a key that may not sign'),
    );
    await expectSigns();
  });

  test('a mechanism that the token does not have is refused', pairNeeds('P-256'), async () => {
    const { privateKey } = await contract.pair('P-256');
    const attempt = privateKey.sign({ mechanism: 0x8000_1234 }, Buffer.alloc(1));
    expect(await codeOf(attempt)).toEqual(contract.code('a mechanism it does not have'));
    await expectSigns();
  });

  test('too much data for RSA is refused', [...pairNeeds('RSA'), 'RSA_PKCS:SIGN'], async () => {
    const { privateKey } = await contract.pair('RSA');
    for (const size of [246, 300, 10_000]) {
      expect(await codeOf(privateKey.sign({ mechanism: 'RSA_PKCS' }, Buffer.alloc(size)))).toEqual(
        contract.code('RSA data too long to sign'),
      );
      expect(await privateKey.sign({ mechanism: 'RSA_PKCS' }, Buffer.alloc(245))).toHaveLength(256);
    }
  });

  test('a destroyed key is refused', HMAC, async () => {
    const { raw, session } = contract;
    const key = await contract.secret('GENERIC_SECRET', Buffer.alloc(32, 1), { sign: true });
    await key.destroy();
    expect(await codeOf(key.sign('HMAC-SHA256', Buffer.alloc(1)))).toBe('ERR_CRYPTOKI_OBJECT_DEAD');
    const mechanism = { mechanism: CKM.SHA256_HMAC };
    expect(await codeOf(raw.sign(session.handle, mechanism, key.handle, Buffer.alloc(1)))).toEqual(
      contract.code('a destroyed key'),
    );
  });

  test('an operation that the caller left active still belongs to the caller', HMAC, async () => {
    const { raw, session } = contract;
    const { key, value } = await contract.hmac();
    await raw.C_SignInit(session.handle, { mechanism: CKM.SHA256_HMAC }, key.handle);
    expect(await codeOf(key.sign('HMAC-SHA256', Buffer.alloc(1)))).toEqual(
      contract.code('a second operation'),
    );
    const mac = await raw.C_Sign(session.handle, Buffer.from('mine'));
    expect(mac).toEqual(createHmac('sha256', value).update('mine').digest());
  });

  async function expectSigns(): Promise<void> {
    const { privateKey } = await contract.pair('P-256');
    expect(await privateKey.sign('ECDSA-SHA256', Buffer.from('again'))).toHaveLength(64);
  }
}
