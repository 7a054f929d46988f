// Watches slots in a worker thread: posts each event and its end.
import { parentPort, workerData } from 'node:worker_threads';
import { Module } from 'cryptoki';

const module = await Module.open(workerData.module);
const watcher = module.watch({ interval: workerData.interval });
parentPort.on('message', () => watcher.close());
for await (const { type, label } of watcher) parentPort.postMessage({ type, label });
parentPort.postMessage('ended');
await module.close();
parentPort.close();
