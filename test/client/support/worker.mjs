// A worker thread with a client of its own. workerData: module, label, pin. It answers each message { id, order, count }.
import { verify } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from 'cryptoki';

const { module, label, pin } = workerData;
const client = await connect({ module, token: { label } }, { pin: () => pin, sessions: { max: 4 } });
const message = Buffer.from('signed in a worker');
const key = await client.privateKey({ label: 'shared' });
const publicKey = await (await client.publicKey({ label: 'shared' })).toKeyObject();
const events = [];
client.on('loggedOut', ({ reason }) => events.push(reason));

async function sign(count) {
  const outcomes = await Promise.allSettled(
    Array.from({ length: count }, () => key.sign('ECDSA-SHA256', message)),
  );
  const isRight = ({ value }) =>
    verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, value);
  return {
    right: outcomes.filter((each) => each.status === 'fulfilled' && isRight(each)).length,
    errors: outcomes.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : [])),
  };
}

const ORDERS = {
  sign,
  logout: () => client.logout(),
  login: () => client.login(),
  state: () => ({ user: client.user, events: events.splice(0), open: client.statistics().open }),
  close: () => client.close(),
};
parentPort.on('message', async ({ id, order, count }) => {
  parentPort.postMessage({ id, answer: await ORDERS[order](count) });
});
parentPort.postMessage({ id: 0 });
