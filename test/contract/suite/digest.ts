import { createHash } from 'node:crypto';
import { CKM } from 'cryptoki/raw';
import { expect } from 'vitest';
import { type Contract, MESSAGES } from './contract';
import { codeOf } from './outcome';

/** Digest names of the model, with the names of the mechanism and of node:crypto. */
const DIGESTS = [
  ['SHA-1', 'SHA_1', 'sha1'],
  ['SHA-224', 'SHA224', 'sha224'],
  ['SHA-256', 'SHA256', 'sha256'],
  ['SHA-384', 'SHA384', 'sha384'],
  ['SHA-512', 'SHA512', 'sha512'],
  ['SHA3-224', 'SHA3_224', 'sha3-224'],
  ['SHA3-256', 'SHA3_256', 'sha3-256'],
  ['SHA3-384', 'SHA3_384', 'sha3-384'],
  ['SHA3-512', 'SHA3_512', 'sha3-512'],
] as const;

export function digest(contract: Contract): void {
  const { test } = contract.chapter('digest');
  const SHA256 = { mechanism: CKM.SHA256 };

  for (const [name, mechanism, node] of DIGESTS) {
    test(`${name}, as node:crypto makes it`, [`${mechanism}:DIGEST`], async () => {
      const { session, raw } = contract;
      for (const message of Object.values(MESSAGES)) {
        const expected = createHash(node).update(message).digest();
        expect(await session.digest(name, message)).toEqual(expected);
        expect(session.digestSync(name, message)).toEqual(expected);
        await raw.C_DigestInit(session.handle, { mechanism: CKM[mechanism] });
        expect(await raw.C_Digest(session.handle, message)).toEqual(expected);
      }
    });
  }

  test('in parts', ['SHA256:DIGEST'], async () => {
    const { raw, session } = contract;
    const parts = [Buffer.from('one'), Buffer.alloc(50_000, 2)];
    await raw.C_DigestInit(session.handle, SHA256);
    await Promise.all(parts.map((part) => raw.C_DigestUpdate(session.handle, part)));
    expect(await raw.C_DigestFinal(session.handle)).toEqual(
      createHash('sha256').update(Buffer.concat(parts)).digest(),
    );
  });

  test('of one empty part, and of no part', ['SHA256:DIGEST'], async () => {
    const { raw, session } = contract;
    raw.C_DigestInitSync(session.handle, SHA256);
    expect(raw.C_DigestFinalSync(session.handle)).toEqual(createHash('sha256').digest());
    raw.C_DigestInitSync(session.handle, SHA256);
    raw.C_DigestUpdateSync(session.handle, Buffer.alloc(0));
    expect(raw.C_DigestFinalSync(session.handle)).toEqual(createHash('sha256').digest());
  });

  test('of a key', ['write', 'import', 'SHA256:DIGEST'], async () => {
    const { raw, session } = contract;
    const { key, value } = await contract.hmac();
    await raw.C_DigestInit(session.handle, SHA256);
    await raw.C_DigestUpdate(session.handle, Buffer.from('key: '));
    await raw.C_DigestKey(session.handle, key.handle);
    expect(await raw.C_DigestFinal(session.handle)).toEqual(
      createHash('sha256').update('key: ').update(value).digest(),
    );
  });

  test('goes on from its saved state', ['SHA256:DIGEST'], async () => {
    const { raw, session } = contract;
    await raw.C_DigestInit(session.handle, SHA256);
    try {
      await raw.C_DigestUpdate(session.handle, Buffer.from('one '));
      const state = await raw.C_GetOperationState(session.handle);
      const other = await contract.open(); // opened in the same way, because some modules save the session state too
      await raw.C_SetOperationState(other.handle, state, 0n, 0n);
      await raw.C_DigestUpdate(other.handle, Buffer.from('two'));
      expect(await raw.C_DigestFinal(other.handle)).toEqual(createHash('sha256').update('one two').digest());
      await other.close();
    } finally {
      await raw.C_DigestFinal(session.handle);
    }
  });

  test('simultaneous digests settle in order', ['SHA256:DIGEST', 'SHA512:DIGEST'], async () => {
    const digests = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        contract.session.digest(i % 2 === 0 ? 'SHA-256' : 'SHA-512', Buffer.from(String(i))),
      ),
    );
    digests.forEach((each, i) => {
      const expected = createHash(i % 2 === 0 ? 'sha256' : 'sha512').update(String(i));
      expect(each).toEqual(expected.digest());
    });
  });

  test('a mechanism that does not digest is refused', ['SHA256:DIGEST'], async () => {
    expect(await codeOf(contract.session.digest({ mechanism: 0x8000_1234 }, Buffer.alloc(1)))).toEqual(
      contract.code('a mechanism it does not have'),
    );
    expect(await codeOf(() => contract.session.digestSync({ mechanism: 'ECDSA' }, Buffer.alloc(1)))).toEqual(
      contract.code('a mechanism it does not have'),
    );
  });
}
