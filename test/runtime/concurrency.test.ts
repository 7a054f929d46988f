import { verify } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isCode, type KeyPair, Module, type Session, type Token } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

let testToken: TestToken;
let module: Module;
let token: Token;
let session: Session;
let pair: KeyPair;

const message = Buffer.from('message');

beforeAll(async () => {
  testToken = await createToken();
  module = await Module.open(testToken.module);
  token = await module.token({ label: testToken.label });
  session = await token.openSession({ readWrite: true });
  await session.login(testToken.pin);
  pair = await session.generateKeyPair('EC', { curve: 'P-256', token: true });
});

afterAll(async () => {
  await module.close();
  testToken.remove();
});

const openSessions = (count: number) => Promise.all(Array.from({ length: count }, () => token.openSession()));

describe('calls run outside the event loop, so that', () => {
  test('timers fire while the token generates a key', async () => {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const pairs = await Promise.all(
      (await openSessions(2)).map((other) => other.generateKeyPair('RSA', { modulusBits: 3072 })),
    );
    delay.disable();
    expect(pairs).toHaveLength(2);
    expect(delay.percentile(50) / 1e6).toBeLessThan(50);
  });

  test('thousands of promises settle, each with its own result', async () => {
    const key = await pair.publicKey.toKeyObject();
    const sessions = await openSessions(8);
    const keys = sessions.map((other) => pair.privateKey.on(other));
    const messages = Array.from({ length: 4000 }, (_, index) => Buffer.from(`message ${index}`));
    const signatures = await Promise.all(
      messages.map((text, index) => keys[index % keys.length]?.sign('ECDSA-SHA256', text)),
    );
    const isValid = (text: Buffer, signature: Buffer | undefined) =>
      signature !== undefined && verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, signature);
    expect(messages.every((text, index) => isValid(text, signatures[index]))).toBe(true);
    await Promise.all(sessions.map((other) => other.close()));
  });
});

describe('a session', () => {
  test('runs calls in their order, including synchronous calls', async () => {
    const other = await token.openSession({ readWrite: true });
    const order: string[] = [];
    const slow = other.generateKeyPair('RSA', { modulusBits: 2048 }).then(() => order.push('generated'));
    const later = other.random(8).then(() => order.push('random'));
    expect(other.randomSync(8)).toHaveLength(8); // waits for both
    order.push('sync');
    await Promise.all([slow, later]);
    expect(order[0]).toBe('sync'); // promises settle after the synchronous code that waited
    expect(order.slice(1).sort()).toEqual(['generated', 'random']);
    await other.close();
  });

  test('closes after the calls that were made before, and refuses later ones', async () => {
    const other = await token.openSession();
    const key = pair.privateKey.on(other);
    const before = Array.from({ length: 50 }, () => other.random(1000));
    const close = other.close();
    await expect(key.sign('ECDSA-SHA256', message)).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_SESSION_CLOSED',
    });
    expect(await Promise.all(before)).toHaveLength(50);
    await close;
    expect(other.state).toBe('CLOSED');
  });
});

describe('a call that closes sessions under load', () => {
  /** Signs on every session until its session is closed. All errors other than a lost session fail the test. */
  async function signUntilClosed(sessions: Session[]): Promise<number> {
    let signed = 0;
    const loop = async (other: Session) => {
      const key = pair.privateKey.on(other);
      try {
        for (;;) {
          await key.sign('ECDSA-SHA256', message);
          signed += 1;
        }
      } catch (error) {
        const lost = [
          'ERR_CRYPTOKI_SESSION_CLOSED',
          'ERR_CRYPTOKI_MODULE_CLOSED',
          'CKR_SESSION_HANDLE_INVALID',
        ];
        if (!isCode(error, ...lost, 'ERR_CRYPTOKI_OBJECT_DEAD', 'CKR_CRYPTOKI_NOT_INITIALIZED')) throw error;
      }
    };
    await Promise.all(sessions.map(loop));
    return signed;
  }
  const soon = () => new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));

  test('C_CloseAllSessions waits for the calls in flight, also with several callers', async () => {
    for (let round = 0; round < 20; round++) {
      const anchor = await token.openSession();
      await anchor.login(testToken.pin);
      pair = {
        privateKey: await anchor.privateKey({ id: pair.privateKey.id }),
        publicKey: await anchor.publicKey({ id: pair.publicKey.id }),
      };
      const sessions = [anchor, ...(await openSessions(8))];
      const signing = signUntilClosed(sessions);
      await soon();
      await Promise.all([1, 2, 3].map(() => module.raw.C_CloseAllSessions(token.slot.id)));
      expect(await signing).toBeGreaterThan(0);
      expect(sessions.map((other) => other.state)).toEqual(sessions.map(() => 'CLOSED'));
    }
  });

  test('Module.close waits for the calls in flight', async () => {
    for (let round = 0; round < 10; round++) {
      const other = await Module.open(testToken.module);
      const otherToken = await other.token({ label: testToken.label });
      const sessions = await Promise.all(Array.from({ length: 8 }, () => otherToken.openSession()));
      await sessions[0]?.login(testToken.pin);
      const key = await sessions[0]?.privateKey({ id: pair.privateKey.id });
      await key?.sign('ECDSA-SHA256', message); // reads the mechanism list, so that signatures are queued at once
      const signing = Promise.allSettled(sessions.map((each) => key?.on(each).sign('ECDSA-SHA256', message)));
      const queued = signUntilClosedOn(sessions, key);
      await other.close();
      expect((await signing).every(({ status }) => status === 'fulfilled')).toBe(true);
      await queued;
      await expect(otherToken.openSession()).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_MODULE_CLOSED' });
    }
  });

  async function signUntilClosedOn(
    sessions: Session[],
    key: KeyPair['privateKey'] | undefined,
  ): Promise<void> {
    await Promise.all(
      sessions.map(async (each) => {
        try {
          for (;;) await key?.on(each).sign('ECDSA-SHA256', message);
        } catch (error) {
          if (!isCode(error, 'ERR_CRYPTOKI_MODULE_CLOSED', 'ERR_CRYPTOKI_OBJECT_DEAD')) throw error;
        }
      }),
    );
  }
});

describe('the option locking', () => {
  test.each(['os', 'objects', 'module'] as const)(
    '%s allows parallel sessions to create and destroy objects',
    async (locking) => {
      const other = await Module.open(testToken.module, { locking });
      const otherToken = await other.token({ label: testToken.label });
      const sessions = await Promise.all(
        Array.from({ length: 6 }, () => otherToken.openSession({ readWrite: true })),
      );
      await sessions[0]?.login(testToken.pin);
      await Promise.all(
        sessions.map(async (each, index) => {
          for (let i = 0; i < 10; i++) {
            const data = await each.createObject({
              class: 'DATA',
              label: `${index}`,
              value: message,
              token: index % 2 === 0,
            });
            expect((await each.find({ class: 'DATA', label: `${index}` })).length).toBe(1);
            await data.destroy();
          }
        }),
      );
      await other.close();
    },
  );
});
