// @ts-check
// Time and memory by amount of work, each kind of work in a new process.
import { at, run } from '../scripts/tools.mjs';
import { nullModule } from './native.mjs';

/**
 * @typedef {object} Point
 * @property {number} count messages, sessions or objects
 * @property {boolean} again the second time with this amount
 * @property {number} milliseconds
 * @property {number} cpu milliseconds, of all threads
 * @property {number} before memory of the process in bytes, before the work
 * @property {number} peak peak memory during the work
 * @property {number} after memory after the work
 *
 * @typedef {{ kind: string, points: Point[] }} Growth
 */

const MOST = { 'messages of a batch': 1e6, 'single operations': 1e6, sessions: 1000, 'objects found': 1e5 };

/**
 * @param {import('./options.mjs').Options} options
 * @param {(what: string) => void} tell
 * @returns {Promise<Growth[]>}
 */
export async function runGrowth({ quick }, tell) {
  const growths = [];
  for (const [kind, most] of Object.entries(MOST)) {
    const amount = quick && most > 1e5 ? 1e5 : most;
    tell(`growth: up to ${amount.toLocaleString('en')} ${kind}`);
    const program = at('bench', 'contenders', 'growth.mjs');
    const args = ['--expose-gc', program, nullModule(), kind, String(amount)];
    const output = await run(process.execPath, args, { env: { CRYPTOKI_BENCH_OBJECTS: '100000' } });
    const points = output.split('\n').filter((line) => line.startsWith('{'));
    growths.push({ kind, points: points.map((line) => JSON.parse(line)) });
  }
  return growths;
}
