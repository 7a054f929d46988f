// @ts-check
// The raw fuzzer in two environments at the same time: this thread and a worker share the module, its token and its login.

import { readFileSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Ground, openPlace, Place } from '../ground.mjs';
import { Leg } from '../leg.mjs';
import { addCounts } from '../tally.mjs';
import { runOn } from './raw.mjs';

/** @param {Leg} leg */
export async function run(leg) {
  leg.note('opens softhsm');
  const place = await openPlace('softhsm');
  const options = {
    ...leg.options,
    seed: `${leg.options.seed}/worker`,
    journal: `${leg.options.journal}.worker`,
    counts: `${leg.options.counts}.worker`,
  };
  const ground = new Ground(place, 'main', true);
  ground.repair();
  const { path, pin, soPin, tokenSerial } = place;
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { options, place: { path, pin, soPin, tokenSerial } },
  });
  const ended = new Promise((resolve) => {
    worker.once('error', (error) => {
      leg.fail(`worker: uncaught ${error.name}: ${error.message.slice(0, 80)}`, `${error.stack}`);
    });
    worker.once('exit', resolve);
  });
  await runOn(leg, ground);
  leg.note('waits for the worker');
  await leg.settle([{ name: 'worker', text: 'end of the worker', promise: ended }]);
  addCounts(leg.counts, JSON.parse(readFileSync(options.counts, 'utf8')));
  await place.remove();
}

if (!isMainThread && workerData?.place !== undefined) {
  const leg = new Leg(workerData.options);
  const place = new Place({ ...workerData.place, name: 'softhsm', tokenKeys: true, remove: () => {} });
  await runOn(leg, new Ground(place, 'worker', true));
  leg.save();
}
