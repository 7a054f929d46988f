// The client is in a worker thread. The main thread uses its key, also after the worker has ended.
import crypto from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { check, prepare } from './ground.mjs';

const message = Buffer.from('a message');

if (isMainThread) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: process.argv[2] });
  const [{ key, info }] = await once(worker, 'message');
  const publicKey = crypto.createPublicKey({ key: Buffer.from(info), format: 'der', type: 'spki' });
  const sign = () => crypto.verify('sha256', message, publicKey, crypto.sign('sha256', message, key));
  await check('at first', sign);
  // This thread can wait while the worker opens new sessions.
  worker.postMessage('lose');
  await once(worker, 'message');
  await check('sessions lost', sign);
  worker.postMessage('slow');
  await once(worker, 'message');
  const pending = Array.from(
    { length: 20 },
    () =>
      new Promise((resolve) =>
        crypto.sign('sha256', message, key, (error) => resolve(error?.message ?? 'ok')),
      ),
  );
  await worker.terminate();
  await check('in flight', async () => [...new Set(await Promise.all(pending))]);
  await check('terminated', sign);
} else {
  const ground = await prepare(workerData);
  const { privateKey, publicKey } = await ground.make('p256');
  parentPort.on('message', (what) => {
    if (what === 'lose') ground.hsm.loseSessions();
    else ground.hsm.plan([{ function: 'C_Sign', delay: 20 }]);
    parentPort.postMessage(what);
  });
  const info = publicKey.export({ type: 'spki', format: 'der' });
  parentPort.postMessage({ key: await privateKey.tlsKey(), info });
}
