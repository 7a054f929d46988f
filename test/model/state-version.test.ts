import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Opened, openToken } from '../support/open';

/** A thread that opens the module itself, and logs in and out with calls of the raw level. */
const PROGRAM = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { Module } = require(workerData.package);
  (async () => {
    const module = await Module.open(workerData.module);
    const token = await module.token({ label: 'states' });
    const session = await token.openSession({ readWrite: true });
    parentPort.on('message', (message) => {
      const { raw } = module;
      if (message === 'logout') raw.C_LogoutSync(session.name);
      if (message === 'login') raw.C_LoginSync(session.name, 1, workerData.pin);
      if (message === 'end') return module.close().then(() => process.exit());
      parentPort.postMessage(session.state);
    });
    parentPort.postMessage('ready');
  })();`;

let opened: Opened;
let worker: Worker;
beforeAll(async () => {
  opened = await openToken('states');
  const workerData = {
    package: createRequire(import.meta.url).resolve('cryptoki'),
    module: opened.test.module,
    pin: opened.test.pin,
  };
  worker = new Worker(PROGRAM, { eval: true, workerData });
  expect(await once(worker, 'message')).toEqual(['ready']);
});
afterAll(async () => {
  worker.postMessage('end');
  await once(worker, 'exit');
  await opened.close();
});

const ask = async (message: string): Promise<unknown> => {
  worker.postMessage(message);
  const [state] = await once(worker, 'message');
  return state;
};

test('a login or logout in another thread is seen by the next use of a session and of a private object', async () => {
  const { session, token } = opened;
  for (let round = 0; round < 20; round += 1) {
    const { privateKey } = await session.generateKeyPair('EC', { curve: 'P-256' });
    await privateKey.sign('ECDSA-SHA256', Buffer.from('message'));
    expect([session.state, token.user]).toEqual(['RW_USER_FUNCTIONS', 'USER']);
    expect(await ask('logout')).toBe('RW_PUBLIC_SESSION');
    expect([session.state, token.user]).toEqual(['RW_PUBLIC_SESSION', undefined]);
    await expect(privateKey.sign('ECDSA-SHA256', Buffer.from('message'))).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_OBJECT_DEAD',
    });
    expect(await ask('login')).toBe('RW_USER_FUNCTIONS');
    expect([session.state, token.user]).toEqual(['RW_USER_FUNCTIONS', 'USER']);
  }
});
