import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { CKF, CKU, load, type RawModule } from 'cryptoki/raw';
import { createSoftToken, FaultModule, type SoftToken } from 'cryptoki/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { failure } from '../support/open';

const READ_WRITE = CKF.SERIAL_SESSION | CKF.RW_SESSION;

let soft: SoftToken;
let hsm: FaultModule;
let raw: RawModule;
let slot: bigint;
const loaded: RawModule[] = [];

/** Another user of the module in the process. */
async function attach(path = hsm.path): Promise<RawModule> {
  const its = await load(path);
  await its.C_Initialize();
  loaded.push(its);
  return its;
}
const calls = (name: 'C_Initialize' | 'C_Finalize'): number => hsm.counters().calls[name] ?? 0;

beforeEach(async () => {
  soft = await createSoftToken({ module: await ensureSoftHSM() });
  hsm = await FaultModule.create({ module: soft.module, environment: soft.environment });
  raw = await attach();
  [slot = 0n] = await raw.C_GetSlotList(true);
});
afterEach(async () => {
  hsm.clear();
  for (const each of loaded.splice(0)) await each.C_Finalize().catch(() => {});
  const { violations } = hsm;
  await hsm[Symbol.asyncDispose]();
  soft.remove();
  expect(violations).toEqual([]);
});

describe('reinitialise()', () => {
  test('ends all sessions and the login for all users of the module', async () => {
    const other = await attach();
    const [mine, its] = [
      await raw.C_OpenSession(slot, READ_WRITE),
      await other.C_OpenSession(slot, READ_WRITE),
    ];
    await raw.C_Login(mine, CKU.USER, soft.pin);
    const epoch = raw.loginEpoch(slot);
    await raw.reinitialise();
    expect([raw.sessionState(mine), other.sessionState(its)]).toEqual([undefined, undefined]);
    expect([raw.loggedIn(slot), other.loggedIn(slot)]).toEqual([undefined, undefined]);
    expect(raw.loginEpoch(slot)).toBeGreaterThan(epoch);
    expect(await failure(other.C_GenerateRandom(its, 1))).toMatchObject({
      code: 'CKR_SESSION_HANDLE_INVALID',
    });
    expect([calls('C_Finalize'), calls('C_Initialize')]).toEqual([1, 2]);
    expect(hsm.counters().openSessions).toBe(0);
    const again = await other.C_OpenSession(slot, READ_WRITE);
    expect(await other.C_GenerateRandom(again, 8)).toHaveLength(8);
  });

  test('runs once for all that request it at the same time', async () => {
    const others = [raw, await attach(), await attach()];
    hsm.plan([{ function: 'C_Finalize', delay: 50 }]);
    await Promise.all(others.flatMap((each) => [each.reinitialise(), each.reinitialise()]));
    expect([calls('C_Finalize'), calls('C_Initialize')]).toEqual([1, 2]);
  });

  test('waits for calls in flight and refuses those that are made in the meantime', async () => {
    const session = await raw.C_OpenSession(slot, READ_WRITE);
    hsm.plan([{ function: 'C_GenerateRandom', nth: 1, hang: true }]);
    const random = raw.C_GenerateRandom(session, 8);
    await hsm.until(({ hanging }) => hanging === 1);
    const reinitialising = raw.reinitialise();
    expect(await failure(raw.C_GetInfo())).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
    await wait(50);
    expect(calls('C_Finalize')).toBe(0);
    hsm.release();
    expect(await random).toHaveLength(8);
    await reinitialising;
    expect(await raw.C_GetInfo()).toBeDefined();
  });

  test('ends calls that wait for a slot event', async () => {
    await raw.C_OpenSession(slot, READ_WRITE);
    const waiting = failure(raw.C_WaitForSlotEvent(0));
    await raw.reinitialise();
    expect((await waiting).code).toMatch(/^CKR_(CRYPTOKI_NOT_INITIALIZED|FUNCTION_NOT_SUPPORTED)$/);
    expect(await raw.C_GetSlotList(true)).toContain(slot);
  });

  test('and C_Finalize at the same time both succeed, in either order', async () => {
    for (let round = 0; round < 20; round += 1) {
      const other = await attach();
      await other.C_OpenSession(slot, READ_WRITE);
      const both =
        round % 2 === 0 ? [raw.reinitialise(), other.C_Finalize()] : [other.C_Finalize(), raw.reinitialise()];
      const ended = await Promise.allSettled(both);
      expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
      expect(await failure(other.C_GetInfo())).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
      expect(await raw.C_GetSlotList(true)).toContain(slot);
    }
    await raw.C_Finalize();
    expect(calls('C_Finalize')).toBe(calls('C_Initialize')); // the last one finalised the module
  });

  test('that fails can be repeated, and until then the module cannot be used', async () => {
    const other = await attach();
    hsm.plan([{ function: 'C_Initialize', from: 1, count: 2, return: 'CKR_DEVICE_ERROR' }]);
    expect(await failure(raw.reinitialise())).toMatchObject({
      code: 'CKR_DEVICE_ERROR',
      function: 'C_Initialize',
    });
    for (const each of [raw, other]) {
      expect(await failure(each.C_GetInfo())).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
    }
    expect(await failure(other.reinitialise())).toMatchObject({ code: 'CKR_DEVICE_ERROR' });
    await other.reinitialise();
    for (const each of [raw, other]) expect(await each.C_GetSlotList(true)).toContain(slot);
    expect(calls('C_Finalize')).toBe(1); // an uninitialised module is not finalised
  });

  test('that fails leaves a module that can be closed and opened again', async () => {
    hsm.plan([{ function: 'C_Initialize', nth: 1, return: 'CKR_DEVICE_ERROR' }]);
    await failure(raw.reinitialise());
    await raw.C_Finalize();
    await raw.C_Initialize();
    expect(await raw.C_GetSlotList(true)).toContain(slot);
  });

  test('of a module that is not initialised is refused', async () => {
    const its = await load(hsm.path);
    expect(await failure(its.reinitialise())).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
    await raw.C_Finalize();
    expect(await failure(raw.reinitialise())).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
  });

  test('of a module that another program part has initialised is refused, and its sessions are closed', async () => {
    // The fault module has initialised SoftHSM2. For this user, which loads SoftHSM2 directly, it is foreign code in the process.
    const its = await attach(soft.module);
    const session = await its.C_OpenSession(slot, READ_WRITE);
    const others = await raw.C_OpenSession(slot, READ_WRITE);
    expect(await failure(its.reinitialise())).toMatchObject({ code: 'ERR_CRYPTOKI_MODULE_SHARED' });
    expect(its.sessionState(session)).toBeUndefined();
    expect(calls('C_Finalize')).toBe(0);
    expect(await raw.C_GenerateRandom(others, 8)).toHaveLength(8); // the sessions of the fault module are still open
    const again = await its.C_OpenSession(slot, READ_WRITE);
    expect(await its.C_GenerateRandom(again, 8)).toHaveLength(8);
  });

  test('succeeds while others start and end their use of the module', async () => {
    const coming = async (): Promise<void> => {
      for (let round = 0; round < 100; round += 1) {
        const its = await load(hsm.path);
        await its.C_Initialize();
        const session = await its.C_OpenSession(slot, READ_WRITE).catch(() => undefined);
        if (session !== undefined) its.C_GenerateRandom(session, 1000).catch(() => {});
        await its.C_Finalize();
      }
    };
    let isRunning = true;
    const others = Promise.all([coming(), coming(), coming()]).finally(() => {
      isRunning = false;
    });
    while (isRunning) await raw.reinitialise();
    await others;
    await raw.C_Finalize();
    expect(calls('C_Finalize')).toBe(calls('C_Initialize'));
  });

  test('succeeds 100 times while three worker threads use the module and reinitialise it too', async () => {
    const program = new URL('../support/programs/reinitialise-worker.mjs', import.meta.url);
    const workers = [1, 2, 3].map(() => new Worker(program, { workerData: { module: hsm.path } }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const reports = workers.map(async (worker) => (await once(worker, 'message'))[0]);
    for (let round = 0; round < 100; round += 1) {
      await Promise.all([raw.reinitialise(), raw.reinitialise()]);
      await wait(5);
    }
    for (const worker of workers) worker.postMessage('stop');
    for (const { used, errors } of await Promise.all(reports)) {
      expect(used).toBeGreaterThan(0);
      for (const code of Object.keys(errors)) {
        expect(code).toMatch(/^CKR_(CRYPTOKI_NOT_INITIALIZED|SESSION_HANDLE_INVALID)$/);
      }
    }
    await raw.reinitialise();
    expect(hsm.counters().openSessions).toBe(0);
    const session = await raw.C_OpenSession(slot, READ_WRITE);
    expect(await raw.C_GenerateRandom(session, 8)).toHaveLength(8);
    await raw.C_Finalize();
    expect(calls('C_Finalize')).toBe(calls('C_Initialize'));
  }, 60_000);
});
