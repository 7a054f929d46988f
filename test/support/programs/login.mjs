// A worker thread, or a separate process, that logs in and out on request. Worker: messages 'login', 'logout', 'close' and
// 'close all'; it answers with the events of its session and token. Process: arguments module and label; it adds listeners and
// must then end without further action.
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
