// @ts-check
// What the programs of contenders/ have in common: they are told what to do in lines of JSON on standard input, and
// answer each with one on standard output. Each contender is a process, so that none can disturb another, its CPU time is
// its own, and its crash ends nothing else.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { operationNamed } from '../operations.mjs';

/**
 * @typedef {import('../operations.mjs').Operation} Operation
 *
 * @typedef {object} Target what is measured on
 * @property {string} module path
 * @property {string} [libraryParameters]
 * @property {number} slot
 * @property {number} slotIndex its position in the list of slots with a token
 * @property {string} [pin]
 *
 * @typedef {object} Work how a form does an operation, on sessions that are open
 * @property {() => unknown} [sync] once
 * @property {(lane: number) => Promise<unknown>} [async] once; `lane` counts what is under way at the same time
 * @property {(lane: number, count: number) => Promise<unknown>} [batch] so many in one call
 * @property {number} [lanes] so many are under way at once; default: one batch, or as many as there are sessions
 *
 * @typedef {(operation: Operation, sessions: number) => Promise<Work | string>} Form a string says why it cannot
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

/** How often the clock is read, in milliseconds. */
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
 * Calls that take about half of the slice, so that two or three of them fill it.
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

/** Of the timer that measures the delay of the event loop; it is not part of the delay. */
const RESOLUTION = 1;

/** @template {object} T @param {() => Promise<T>} work */
async function watchingEventLoop(work) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 3 * RESOLUTION));
  histogram.enable();
  await turn(); // the first delay counts from the first turn of its timer
  histogram.reset();
  const result = await work();
  await turn(); // a loop that was blocked to the end is seen
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
      // Few at first: a slow token would otherwise be busy for minutes. A lane is a call of its own.
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
