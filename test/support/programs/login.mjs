// A worker thread, or a process of its own, that logs in and out as it is told. Worker: messages 'login', 'logout',
// 'close', 'close all'; it answers with the events of its own session and token. Process: arguments module and label; it
// listens and must end by itself.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Module } from 'cryptoki';

const [path, label] = isMainThread ? process.argv.slice(2) : [workerData.module, workerData.label];
const module = await Module.open(path);
const token = await module.token({ label });
const session = await token.openSession({ readWrite: true });
const report = (...event) => parentPort?.postMessage(event);
token.on('login', ({ user }) => report('login', user));
token.on('logout', () => report('logout'));
session.on('state', (state, previous) => report('state', state, previous));

const ORDERS = {
  login: () => session.login(workerData.pin),
  logout: () => session.logout(),
  close: () => session.close(),
  'close all': () => module.raw.C_CloseAllSessions(token.slot.id),
};
if (isMainThread) {
  console.log(session.state);
} else {
  parentPort.on('message', (order) => ORDERS[order]());
  report('ready');
}
