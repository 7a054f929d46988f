import { Session as Inspector } from 'node:inspector/promises';
import { type Client, type ClientPrivateKey, connect } from 'cryptoki';
import type { RawModule } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

const MESSAGE = Buffer.from('message');
/** Functions of the raw level that ask native code for a state. */
const QUERIES = ['sessionState', 'sessionSerial', 'loginEpoch', 'loggedIn'];

let token: TestToken;
let client: Client;
let key: ClientPrivateKey;
beforeAll(async () => {
  token = await createToken('call path');
  client = await connect(
    { module: token.module, token: { label: 'call path' } },
    { pin: token.pin, sessions: { max: 2 } },
  );
  await client.generateKeyPair('EC', { token: true, label: 'ec', curve: 'P-256' });
  await client.generateKeyPair('RSA', { token: true, label: 'rsa', modulusBits: 2048 });
  key = await client.privateKey({ label: 'ec' });
});
afterAll(async () => {
  await client.close();
  token.remove();
});

/** Returns the functions of the package that are on the stack when `action` calls the raw level. */
async function framesAbove(method: 'sign' | 'digest', action: () => Promise<unknown>): Promise<string[]> {
  const raw = await client.withSession(async (session) => session.token.slot.module.raw);
  const original = raw[method] as (...args: unknown[]) => Promise<Buffer>;
  let frames: string[] = [];
  const limit = Error.stackTraceLimit;
  Object.defineProperty(raw, method, {
    configurable: true,
    value(this: RawModule, ...args: unknown[]) {
      Error.stackTraceLimit = 50;
      frames = (new Error('here').stack ?? '').split('\n').filter((line) => /cryptoki\.cjs/.test(line));
      Error.stackTraceLimit = limit;
      return original.apply(this, args);
    },
  });
  try {
    await action();
  } finally {
    delete (raw as Partial<RawModule>)[method];
  }
  return frames;
}

/** Returns how often functions of the package were called during `action`, by name. */
async function countCalls(action: () => Promise<unknown>): Promise<Map<string, number>> {
  const inspector = new Inspector();
  inspector.connect();
  try {
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    await inspector.post('Profiler.takePreciseCoverage'); // begins the counts at zero
    await action();
    const { result } = await inspector.post('Profiler.takePreciseCoverage');
    const counts = new Map<string, number>();
    for (const { url, functions } of result) {
      if (!url.endsWith('cryptoki.cjs')) continue;
      for (const { functionName, ranges } of functions) {
        counts.set(functionName, (counts.get(functionName) ?? 0) + (ranges[0]?.count ?? 0));
      }
    }
    return counts;
  } finally {
    inspector.disconnect();
  }
}

const queriesIn = (counts: Map<string, number>): number =>
  QUERIES.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);

describe('the path of a call', () => {
  test('sign() of a client key reaches the raw level in at most 8 frames', async () => {
    await key.sign('ECDSA-SHA256', MESSAGE);
    const ecdsa = await framesAbove('sign', () => key.sign('ECDSA-SHA256', MESSAGE));
    expect(ecdsa.length).toBeGreaterThan(3);
    expect(ecdsa.length, ecdsa.join('\n')).toBeLessThanOrEqual(8);
    const rsa = await client.privateKey({ label: 'rsa' });
    await rsa.sign('RSA-PKCS1-SHA256', MESSAGE);
    const frames = await framesAbove('sign', () => rsa.sign('RSA-PKCS1-SHA256', MESSAGE));
    expect(frames.length, frames.join('\n')).toBeLessThanOrEqual(8);
  });

  test('digest() of a client reaches the raw level in at most 8 frames', async () => {
    const frames = await framesAbove('digest', () => client.digest('SHA-256', MESSAGE));
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.length, frames.join('\n')).toBeLessThanOrEqual(8);
  });

  test('sign() of a client key calls native code once, and reads states from shared memory', async () => {
    await key.sign('ECDSA-SHA256', MESSAGE);
    const counts = await countCalls(async () => {
      for (let i = 0; i < 100; i += 1) await key.sign('ECDSA-SHA256', MESSAGE);
    });
    expect(queriesIn(counts)).toBe(0);
    expect(counts.get('stateVersion')).toBeGreaterThanOrEqual(100);
    expect(counts.get('stateVersion')).toBeLessThanOrEqual(700);
  });

  test('states are queried again after a change', async () => {
    const counts = await countCalls(async () => {
      await client.withSession(async (session) => {
        const other = await session.token.openSession();
        await other.close();
      });
      await key.sign('ECDSA-SHA256', MESSAGE);
    });
    expect(queriesIn(counts)).toBeGreaterThan(0);
  });

  test('a logout in another session is seen by the next call', async () => {
    await client.withSession(async (session) => {
      const mine = await session.privateKey({ label: 'ec' });
      await mine.sign('ECDSA-SHA256', MESSAGE);
      const { raw } = session.token.slot.module;
      raw.C_LogoutSync(session.name); // not through the model
      expect(session.state).toBe('RW_PUBLIC_SESSION');
      await expect(mine.sign('ECDSA-SHA256', MESSAGE)).rejects.toMatchObject({
        code: 'ERR_CRYPTOKI_OBJECT_DEAD',
      });
      await session.login(token.pin);
      expect(session.state).toBe('RW_USER_FUNCTIONS');
    });
  });

  test('a session that the module closed is seen closed at once', async () => {
    await client.withSession(async (session) => {
      const other = await session.token.openSession();
      expect(other.closed).toBe(false);
      session.token.slot.module.raw.C_CloseSessionSync(other.name);
      expect(other.closed).toBe(true);
      expect(other.state).toBe('CLOSED');
    });
  });
});
