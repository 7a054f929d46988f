// A worker thread with its own client that signs until it receives a message, and then reports.
import { createPublicKey, verify } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from 'cryptoki';

const { module, label, pin, moduleOptions, jwk } = workerData;
const client = await connect({ module, token: { label } }, { pin, moduleOptions, sessions: { max: 4 } });
const key = await client.privateKey({ label: 'signing' });
const publicKey = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
const report = { valid: 0, invalid: 0, errors: {} };
let stopped = false;

async function sign(index) {
  for (let count = 0; !stopped; count += 1) {
    const message = Buffer.from(`${index} ${count}`);
    try {
      const signature = await key.sign('ECDSA-SHA256', message);
      report[verify('sha256', message, publicKey, signature) ? 'valid' : 'invalid'] += 1;
    } catch (error) {
      report.errors[error.code] = (report.errors[error.code] ?? 0) + 1;
    }
  }
}
const working = Promise.all([0, 1, 2, 3].map(sign));
const progress = setInterval(() => parentPort.postMessage({ valid: report.valid }), 50);
parentPort.once('message', async () => {
  stopped = true;
  clearInterval(progress);
  await working;
  await client.random(1);
  const { open } = client.statistics();
  parentPort.postMessage({ ...report, sessions: open + 1, done: true });
  parentPort.once('message', async () => {
    await client.close();
    parentPort.close();
  });
});
