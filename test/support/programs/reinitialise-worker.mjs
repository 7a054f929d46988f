// A worker thread that opens sessions and uses them repeatedly, while other threads reinitialise the module.
import { parentPort, workerData } from 'node:worker_threads';
import { CKF, load } from 'cryptoki/raw';

const raw = await load(workerData.module);
await raw.C_Initialize();
const [slot] = await raw.C_GetSlotList(true);
parentPort.postMessage('ready');
const report = { used: 0, errors: {} };
let stopped = false;
parentPort.once('message', () => {
  stopped = true;
});
for (let round = 0; !stopped; round += 1) {
  try {
    const session = await raw.C_OpenSession(slot, CKF.SERIAL_SESSION);
    for (let i = 0; i < 20; i += 1) await raw.C_GenerateRandom(session, 100);
    report.used += 1;
  } catch ({ code }) {
    report.errors[code] = (report.errors[code] ?? 0) + 1;
    if (round % 10 === 0)
      await raw.reinitialise().catch((error) => (report.errors[`of reinitialise: ${error.code}`] = 1));
    await new Promise(setImmediate);
  }
}
await raw.C_Finalize();
parentPort.postMessage(report);
