import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Module } from 'cryptoki';
import { createSoftToken, FaultModule } from 'cryptoki/testing';
import { describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { type Faulty, openFaulty } from '../support/fault';
import { openNss, whyNoNss } from '../support/nss';

const code = (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'CKR_OK',
    (error: { code: string }) => error.code,
  );
const random = ({ raw, session }: Faulty) => code(raw.C_GenerateRandom(session.handle, 8));

describe('two fault modules in one process', () => {
  test('are independent', async () => {
    const one = await openFaulty();
    const two = await openFaulty();
    const { serialNumber } = await one.token.info();
    expect((await two.token.info()).serialNumber).not.toBe(serialNumber);
    expect(one.hsm.path).not.toBe(two.hsm.path);
    one.hsm.plan([{ function: 'C_GenerateRandom', return: 'CKR_DEVICE_ERROR' }]);
    expect(await random(one)).toBe('CKR_DEVICE_ERROR');
    expect(await random(two)).toBe('CKR_OK');
    one.hsm.removeToken();
    expect(await random(two)).toBe('CKR_OK');
    expect(two.hsm.counters()).toMatchObject({ rules: [], calls: { C_GenerateRandom: 2 }, openSessions: 1 });
    await one.module.close();
    expect(await random(two)).toBe('CKR_OK');

    // Each uses its own environment, whatever the process has.
    one.hsm.insertToken();
    const again = await Module.open(one.hsm.path);
    const token = await again.token({ label: one.soft.label });
    expect((await token.info()).serialNumber).toBe(serialNumber);
    await again.close();
    await one.close();
    await two.close();
  });

  test('can wrap copies of one real module and use the same token', async () => {
    await using token = await createSoftToken({ module: await ensureSoftHSM() });
    const { module, environment } = token;
    await using one = await FaultModule.create({ module, environment, copyModule: true });
    await using two = await FaultModule.create({ module, environment, copyModule: true });
    await using first = await Module.open(one.path);
    await using second = await Module.open(two.path);
    const [a, b] = await Promise.all([first, second].map((each) => each.token({ label: token.label })));
    await using session = await (a as NonNullable<typeof a>).openSession();
    await session.login(token.pin);
    await using other = await (b as NonNullable<typeof b>).openSession();
    expect([session.state, other.state]).toEqual(['RO_USER_FUNCTIONS', 'RO_PUBLIC_SESSION']);
  });
});

describe('a worker thread', () => {
  test('controls the same fault module and sees the actions of other threads', async () => {
    const its = await openFaulty();
    const program = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { FaultModule } = require('cryptoki/testing');
      const hsm = FaultModule.attach(workerData);
      hsm.plan([{ function: 'C_GenerateRandom', return: 'CKR_HOST_MEMORY' }]);
      parentPort.postMessage(hsm.counters());`;
    const worker = new Worker(program, { eval: true, workerData: its.hsm.path });
    const [seen] = await once(worker, 'message');
    expect(seen).toMatchObject({ calls: { C_Initialize: 1, C_Login: 1 }, openSessions: 1 });
    await once(worker, 'exit');
    expect(await random(its)).toBe('CKR_HOST_MEMORY');
    await its.close();
  });

  test('can make a token, though its process.env is a copy', async () => {
    const program = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { Module } = require('cryptoki');
      const { createSoftToken } = require('cryptoki/testing');
      (async () => {
        const token = await createSoftToken({ module: workerData, label: 'in a worker' });
        const module = await Module.open(token.module);
        const infos = await Promise.all((await module.tokens()).map((each) => each.info()));
        await module.close();
        token.remove();
        parentPort.postMessage(infos.map((info) => info.label));
      })();`;
    const worker = new Worker(program, { eval: true, workerData: await ensureSoftHSM() });
    const [labels] = await once(worker, 'message');
    expect(labels).toContain('in a worker');
    await once(worker, 'exit');
  });
});

describe.skipIf(whyNoNss !== undefined)(`a module of PKCS#11 3.0 (${whyNoNss ?? 'NSS'})`, () => {
  test('is wrapped with its 3.0 interface', async () => {
    const nss = await openNss();
    const { path } = nss.module;
    const { version } = nss.module.raw.description();
    await nss.close();
    await using hsm = await FaultModule.create({ module: path });
    await using module = await Module.open(hsm.path, {
      libraryParameters: 'flags=readOnly,noCertDB,noModDB',
    });
    expect(module.raw.description()).toMatchObject({ version, fromInterface: true });
    expect((await module.info()).manufacturer).toMatch(/Mozilla/);
    hsm.plan([{ function: 'C_GetInfo', return: 'CKR_FUNCTION_FAILED' }]);
    expect(await code(module.info())).toBe('CKR_FUNCTION_FAILED');
  });
});
