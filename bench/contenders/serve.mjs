// @ts-check
// The common part of the programs in contenders/: they read commands as lines of JSON from standard input and answer each with
// a line on standard output. Each contender is a separate process, so that contenders do not disturb each other, CPU time can
// be assigned, and a crash ends one contender only.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { operationNamed } from '../operations.mjs';

/**
 * @typedef {import('../operations.mjs').Operation} Operation
 *
 * @typedef {object} Target the module and token of a measurement
 * @property {string} module path
 * @property {string} [libraryParameters]
 * @property {number} slot
 * @property {number} slotIndex its position in the list of slots with a token
 * @property {string} [pin]
 *
 * @typedef {object} Work the way in which a form runs an operation on open sessions
 * @property {() => unknown} [sync] runs it once
 * @property {(lane: number) => Promise<unknown>} [async] runs it once; `lane` is the index among the operations in flight
 * @property {(lane: number, count: number) => Promise<unknown>} [batch] runs it `count` times in one call
 * @property {number} [lanes] number of operations in flight; default: one batch, or the number of sessions
 *
 * @typedef {(operation: Operation, sessions: number) => Promise<Work | string>} Form a string is the reason why it is not supported
 *
 * @typedef {object} Contender
 * @property {(target: Target) => Promise<void> | void} open
 * @property {Record<string, Form>} forms by name
 *
 * @typedef {object} Slice
 * @property {number} operations
 * @property {number} seconds
 * @property {number} cpu seconds
 * @property {{ p50: number, p99: number, max: number }} [delay] of the event loop, in milliseconds
 */

/** Interval in milliseconds at which the clock is read. */
const OFTEN = 0.2;

/** @param {() => unknown} once @param {number} end */
function loopSync(once, end) {
  let [done, chunk] = [0, 1];
  let before = performance.now();
  do {
    for (let i = 0; i < chunk; i += 1) once();
    done += chunk;
    const now = performance.now();
    if (now - before < OFTEN / 2) chunk *= 2;
    else if (now - before > OFTEN * 2) chunk = Math.max(Math.floor(chunk / 2), 1);
    before = now;
  } while (before < end);
  return done;
}

/** @param {(lane: number) => Promise<unknown>} once @param {number} lanes @param {number} end */
async function loopAsync(once, lanes, end) {
  let done = 0;
  const lane = async (/** @type {number} */ number) => {
    do {
      await once(number);
      done += 1;
    } while (performance.now() < end);
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  return done;
}

const MOST_IN_A_CALL = 50_000;

/**
 * Makes calls that take about half of the slice each, so that two or three of them fill it.
 * @param {Required<Pick<Work, 'batch' | 'lanes'>>} work @param {{ count: number }} pace @param {number} end
 */
async function loopBatch({ batch, lanes }, pace, end) {
  let done = 0;
  const wanted = Math.max((end - performance.now()) / 2, 1);
  const lane = async (/** @type {number} */ number) => {
    do {
      const { count } = pace;
      const before = performance.now();
      await batch(number, count);
      done += count;
      const perMessage = (performance.now() - before) / count;
      pace.count = Math.min(Math.max(Math.round(wanted / perMessage), 1), MOST_IN_A_CALL, count * 16);
    } while (performance.now() < end);
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  return done;
}

/** @param {Work} work @param {{ count: number }} pace @param {number} sessions @param {number} milliseconds */
async function measure(work, pace, sessions, milliseconds) {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const end = begin + milliseconds;
  let operations = 0;
  if (work.sync) operations = loopSync(work.sync, end);
  else if (work.async) operations = await loopAsync(work.async, work.lanes ?? sessions, end);
  else if (work.batch) operations = await loopBatch({ batch: work.batch, lanes: work.lanes ?? 1 }, pace, end);
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { operations, seconds, cpu: (user + system) / 1e6 };
}

/** Resolution of the timer that measures the delay of the event loop; it is subtracted from the delay. */
const RESOLUTION = 1;

/** @template {object} T @param {() => Promise<T>} work */
async function watchingEventLoop(work) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 3 * RESOLUTION));
  histogram.enable();
  await turn(); // the first turn of the timer starts the measurement
  histogram.reset();
  const result = await work();
  await turn(); // also measures a delay at the end of the slice
  histogram.disable();
  const delay = (/** @type {number} */ ns) => Math.max(ns / 1e6 - RESOLUTION, 0);
  const { max } = histogram;
  return {
    ...result,
    delay: { p50: delay(histogram.percentile(50)), p99: delay(histogram.percentile(99)), max: delay(max) },
  };
}

/**
 * Serves until standard input ends.
 * @param {Contender} contender
 */
export async function serve({ open, forms }) {
  /** @type {Map<string, { work: Work | string, pace: { count: number } }>} */
  const prepared = new Map();
  const run = async (/** @type {Record<string, string | number | boolean>} */ command) => {
    const { form, operation, sessions, milliseconds } = command;
    const name = JSON.stringify([form, operation, sessions]);
    let found = prepared.get(name);
    if (found === undefined) {
      const make = forms[String(form)];
      if (make === undefined) return { skip: 'it has no such form' };
      if (prepared.size > 0 && !name.includes(String(operation))) prepared.clear();
      const work = await make(operationNamed(String(operation)), Number(sessions));
      // Starts with few messages, because a slow token would otherwise be busy for minutes. Each lane makes calls of its own.
      const lanes = typeof work === 'object' && work.lanes !== undefined;
      found = { work, pace: { count: lanes ? 2 : 2 * Number(sessions) } };
      prepared.set(name, found);
    }
    const { work, pace } = found;
    if (typeof work === 'string') return { skip: work };
    const measured = () => measure(work, pace, Number(sessions), Number(milliseconds));
    return command.delay ? watchingEventLoop(measured) : measured();
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    /** @type {object} */
    let answer;
    try {
      if (command.do === 'open') {
        await open(command);
        answer = { ok: true };
      } else {
        answer = await run(command);
      }
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      answer = { error: message };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}
