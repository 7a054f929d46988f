import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Client, connect, Module, type Token } from 'cryptoki';
import type { RawModule } from 'cryptoki/raw';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectFaulty, eventsOf, type FaultyClient } from '../support/faulty-client';
import { expectSessions, Load, noOutcome, signOne } from '../support/load';

const ROOT = resolve(import.meta.dirname, '../..');

let its: FaultyClient;
/** Another copy of the package closes the session: the fault module sees both copies as one program. */
let allowed: readonly string[];
beforeEach(async () => {
  allowed = [];
  its = await connectFaulty({ sessions: { max: 4 } });
});
afterEach(async () => {
  const { violations } = its.hsm;
  await its.close();
  expect(violations.filter(({ kind }) => !allowed.includes(kind))).toEqual([]);
});

async function signMany(): Promise<void> {
  const outcome = noOutcome();
  const operations = Array.from({ length: 40 }, (_, i) =>
    signOne(outcome, its.key, its.publicKey, Buffer.of(i)),
  );
  await Promise.all(operations);
  expect(outcome).toEqual({ valid: 40, invalid: 0, errors: {}, strange: [] });
}

/** Actions of another user of the module in the same process. */
async function disturb(raw: RawModule, slot: bigint, round: number): Promise<void> {
  if (round % 2 === 0) return raw.C_CloseAllSessions(slot);
  const session = await raw.C_OpenSession(slot, 6);
  await raw.C_Logout(session);
  await raw.C_CloseSession(session);
}

/** The action is repeated under load and must not fail an operation. */
async function disturbLoad(raw: RawModule, slot: bigint): Promise<void> {
  const load = new Load(its.key, its.publicKey, 12);
  for (let round = 0; round < 10; round += 1) {
    const { valid } = load.outcome;
    await disturb(raw, slot, round);
    await expect.poll(() => load.outcome.valid, { interval: 2 }).toBeGreaterThan(valid + 20);
  }
  const outcome = await load.stop();
  expect(outcome).toMatchObject({ invalid: 0, strange: [] });
  expect(outcome.errors).toEqual({});
  await signMany();
  expect(its.client.user).toBe('USER');
}

/** The action runs between operations: SoftHSM2 crashes when a session is closed while one of its calls runs. */
async function disturbIdle(raw: RawModule, slot: bigint): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    await signMany();
    await disturb(raw, slot, round);
  }
  await signMany();
  expect(its.client.user).toBe('USER');
}

describe('C_CloseAllSessions and C_Logout do not fail operations when they are called', () => {
  test('by another Module object', async () => {
    await using other = await Module.open(its.hsm.path);
    await disturbLoad(other.raw, its.client.token.slot.id);
    await expectSessions(() => its.hsm.counters().openSessions, its.client);
  });

  test('by another copy of the package', async () => {
    allowed = ['closed-session'];
    const copy = mkdtempSync(join(tmpdir(), 'cryptoki-copy-'));
    try {
      for (const part of ['dist', 'package.json', join('build', 'Release', 'cryptoki.node')]) {
        cpSync(join(ROOT, part), join(copy, part), { recursive: true });
      }
      symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
      const other = createRequire(import.meta.url)(join(copy, 'dist', 'index.js')) as {
        Module: typeof Module;
      };
      expect(other.Module).not.toBe(Module);
      const module = await other.Module.open(its.hsm.path);
      await disturbIdle(module.raw, its.client.token.slot.id);
      await module.close();
      await expectSessions(() => its.hsm.counters().openSessions, its.client);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  test('by a program that calls SoftHSM2 directly, so that this package does not see the calls', async () => {
    await using other = await Module.open(its.soft.module); // the library behind the fault module
    await disturbIdle(other.raw, its.client.token.slot.id);
  });
});

test('an operation that is never repeated still runs, once, if its session was lost before it began', async () => {
  await using other = await Module.open(its.hsm.path);
  for (const round of [0, 1]) {
    await disturb(other.raw, its.client.token.slot.id, round);
    its.hsm.resetCounters();
    await using made = await its.client.generateKey('AES', { valueLen: 16 });
    expect(made.isTokenObject).toBe(false);
    expect(its.hsm.counters().calls.C_GenerateKey).toBe(1);
  }
});

describe('another client of the same module', () => {
  test('may log in and out, and another one may reinitialise the module', async () => {
    const target = { module: its.hsm.path, token: { label: its.soft.label } };
    const others: Client[] = [];
    for (let i = 0; i < 3; i += 1) others.push(await connect(target, { pin: its.soft.pin }));
    its.hsm.resetCounters();
    const load = new Load(its.key, its.publicKey, 8);
    const key = await others[0]?.privateKey({ label: 'signing' });
    if (key === undefined) throw new Error('no key');
    const beside = new Load(key, its.publicKey, 8);
    for (let round = 0; round < 5; round += 1) {
      await others[1]?.logout();
      await others[1]?.login();
      await others[2]?.token.slot.module.reinitialise();
      await others[2]?.random(1);
      const { valid } = load.outcome;
      await expect.poll(() => load.outcome.valid, { interval: 2 }).toBeGreaterThan(valid + 20);
    }
    expect(its.hsm.counters().calls.C_Initialize).toBe(5); // one client reinitialises, the others adopt the result
    for (const outcome of [await load.stop(), await beside.stop()]) {
      expect(outcome).toMatchObject({ invalid: 0, strange: [], errors: {} });
      expect(outcome.valid).toBeGreaterThan(20);
    }
    await signMany();
    for (const client of others) await client.random(1); // clients without an operation have not noticed the reinitialisation yet
    await expectSessions(() => its.hsm.counters().openSessions, its.client, ...others);
    for (const client of others) await client.close();
  }, 60_000);

  test('is not disturbed when another token of the same module is removed', async () => {
    await its.close();
    its = await connectFaulty({ sessions: { max: 4 } }, { removable: true });
    await its.client.close();
    await its.soft.addToken('other');
    const [one, other] = await Promise.all(
      [its.soft.label, 'other'].map((label) =>
        connect({ module: its.hsm.path, token: { label } }, { pin: its.soft.pin }),
      ),
    );
    if (one === undefined || other === undefined) throw new Error('no client');
    const pair = await other.generateKeyPair('EC', { curve: 'P-256', label: 'signing', token: true });
    const load = new Load(pair.privateKey, await pair.publicKey.toKeyObject(), 8);
    const [events, otherEvents] = [eventsOf(one), eventsOf(other)];
    const token: Token = one.token;
    its.hsm.removeToken({ slot: token.slot.id, for: 500 });
    expect(await one.random(8)).toHaveLength(8);
    const outcome = await load.stop();
    expect(outcome).toMatchObject({ invalid: 0, strange: [], errors: {} });
    expect(outcome.valid).toBeGreaterThan(20);
    expect(events).toContain('recovered token');
    expect(otherEvents).toEqual([]);
    await one.close();
    await other.close();
  });
});
