import type { Session } from 'cryptoki';
import { CKA, CKF, CKM, CKO } from 'cryptoki/raw';
import { expect } from 'vitest';
import { type Contract, pairNeeds } from './contract';
import { codeOf } from './outcome';

export function session(contract: Contract): void {
  const { test } = contract.chapter('session');

  /** A call that takes some milliseconds. */
  const work = (on: Session): Promise<Buffer> =>
    contract.has('SHA256:DIGEST') ? on.digest('SHA-256', Buffer.alloc(20_000)) : on.random(5_000);

  test('a session has the state that the module reports', ['login'], async () => {
    for (const readWrite of [false, true]) {
      const state = readWrite ? 'RW_USER_FUNCTIONS' : 'RO_USER_FUNCTIONS';
      await using other = await contract.open(readWrite);
      expect(other.state).toBe(state);
      expect(await other.info()).toMatchObject({ slot: contract.slot, state, readWrite });
    }
  });

  test('a session without login reports its state', [], async () => {
    await using other = await contract.open(false);
    expect(other.state).toBe((await other.info()).state);
    expect(other.state).toMatch(/^RO_/);
  });

  test('a closed session is refused', [], async () => {
    const other = await contract.open(false);
    await other.close();
    expect(other.state).toBe('CLOSED');
    expect(await codeOf(other.info())).toBe('ERR_CRYPTOKI_SESSION_CLOSED');
    expect(await codeOf(contract.raw.C_GetSessionInfo(other.handle))).toBe('CKR_SESSION_HANDLE_INVALID');
    await other.close();
  });

  test('a read-only session makes no token objects', ['login', 'write', 'data objects'], async () => {
    await using other = await contract.open(false);
    const template = { class: 'DATA', token: true, label: 'read-only' } as const;
    expect(await codeOf(other.createObject(template))).toBe('ERR_CRYPTOKI_SESSION_READ_ONLY');
    const raw = contract.raw.C_CreateObject(other.handle, [
      { type: CKA.CLASS, value: CKO.DATA },
      { type: CKA.TOKEN, value: true },
      { type: CKA.VALUE, value: Buffer.from('x') },
    ]);
    expect(await codeOf(raw)).toEqual(contract.code('a token object made in a read-only session'));
  });

  test('sessions work at the same time', [], async () => {
    const sessions = await Promise.all(Array.from({ length: 12 }, () => contract.open(false)));
    expect(new Set(sessions.map(({ handle }) => handle)).size).toBe(12);
    for (let round = 0; round < 5; round++) {
      await Promise.all(sessions.map((each) => each.find('all', { limit: 5 })));
      await Promise.all(sessions.map((each) => each.info()));
    }
    await Promise.all(sessions.map((each) => each.close()));
  });

  test('one key signs in several sessions', [...pairNeeds('P-256'), 'ECDSA:SIGN'], async () => {
    const { privateKey, publicKey } = await contract.pair('P-256');
    const sessions = await Promise.all(Array.from({ length: 6 }, () => contract.open(false)));
    const message = Buffer.from('side by side');
    const signatures = await Promise.all(
      sessions.flatMap((each) =>
        Array.from({ length: 5 }, () => privateKey.on(each).sign('ECDSA-SHA256', message)),
      ),
    );
    expect(new Set(signatures.map((each) => each.toString('hex'))).size).toBe(30);
    for (const each of signatures) {
      expect(await publicKey.verify('ECDSA-SHA256', message, each)).toBe(true);
    }
    await Promise.all(sessions.map((each) => each.close()));
  });

  test('a session that closes under load finishes earlier calls', ['random'], async () => {
    for (let round = 0; round < 3; round++) {
      const other = await contract.open(false);
      const digests = Array.from({ length: 50 }, () => work(other));
      const closed = other.close();
      expect(await codeOf(work(other))).toBe('ERR_CRYPTOKI_SESSION_CLOSED');
      await closed;
      expect(await Promise.all(digests)).toHaveLength(50);
    }
  });

  test('all sessions close under load', ['random'], async () => {
    const sessions = await Promise.all(Array.from({ length: 4 }, () => contract.open(false)));
    const digests = sessions.flatMap((each) => Array.from({ length: 20 }, () => work(each)));
    await contract.raw.C_CloseAllSessions(contract.slot);
    await Promise.allSettled(digests);
    for (const each of [...sessions, contract.session]) expect(each.state).toBe('CLOSED');
    await contract.reopen();
  });

  test('closing the last session has the expected effect on the login', ['login'], async () => {
    await contract.session.close();
    const next = await contract.open(false);
    expect(next.state).toBe(contract.facts.stateAfterLastClose);
    expect((await next.info()).state).toBe(contract.facts.stateAfterLastClose);
    await next.close();
    await contract.reopen();
  });

  test(
    'a second active operation is refused, and so is an operation without Init',
    ['SHA256:DIGEST'],
    async () => {
      const { raw, session } = contract;
      expect(await codeOf(raw.C_DigestFinal(session.handle))).toEqual(
        contract.code('an operation without a beginning'),
      );
      const sha256 = { mechanism: CKM.SHA256 };
      await raw.C_DigestInit(session.handle, sha256);
      expect(await codeOf(raw.C_DigestInit(session.handle, sha256))).toEqual(
        contract.code('a second operation'),
      );
      expect(await raw.C_Digest(session.handle, Buffer.alloc(1))).toHaveLength(32);
    },
  );

  test('an operation is cancelled', ['3.0', 'SHA256:DIGEST'], async () => {
    const { raw, session } = contract;
    await raw.C_DigestInit(session.handle, { mechanism: CKM.SHA256 });
    await raw.C_SessionCancel(session.handle, CKF.DIGEST);
    expect(await codeOf(raw.C_DigestFinal(session.handle))).toEqual(
      contract.code('an operation without a beginning'),
    );
  });

  test('unknown flags are accepted or refused by the module, without a crash', [], async () => {
    const code = await codeOf(
      contract.raw.C_OpenSession(contract.slot, CKF.SERIAL_SESSION | 0x100).then(async (handle) => {
        await contract.raw.C_CloseSession(handle);
      }),
    );
    expect(code).toMatch(/^(no error|CKR_)/);
  });
}
