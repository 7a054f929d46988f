// @ts-check
// A slow token, such as one behind a network: the fault module waits before each C_Sign of the null module, so the signature
// itself uses no processor time.
import { at } from '../scripts/tools.mjs';
import { Budget } from './budget.mjs';
import { Field, OURS } from './field.mjs';
import { measureCase } from './measure.mjs';
import { nothing } from './modules.mjs';
import { nullModule } from './native.mjs';
import { operationNamed } from './operations.mjs';

/** @typedef {import('./measure.mjs').Result} Result */

/** Duration of a signature in milliseconds. */
const DELAYS = [1, 5, 20];
const ALL = [1, 2, 4, 8, 16, 32, 64];
const FEW = [1, 8, 64];
const ROUNDS = 3;
/** Minimum number of consecutive signatures. */
const LEAST_TURNS = 6;

/** @param {number} delay */
export const slowName = (delay) => `${delay} ms token`;

/** @param {import('./field.mjs').Form} form */
const isWanted = ({ contender, form }) =>
  contender === OURS ? form === 'model' || form === 'client' : contender === 'pkcs11js';

/**
 * @param {import('./options.mjs').Options} options
 * @param {number} seconds
 * @param {(what: string) => void} tell
 * @returns {Promise<Result[]>}
 */
export async function runSlow({ quick, sessions, withoutPeers }, seconds, tell) {
  const counts = sessions ?? (quick ? FEW : ALL);
  const operation = operationNamed('sign-p256');
  const budget = new Budget(seconds, DELAYS.length * counts.length);
  /** @type {Result[]} */
  const results = [];
  for (const delay of DELAYS) {
    const base = await nothing();
    const module = {
      ...base,
      target: { ...base.target, module: at('build', 'Release', 'fault', 'cryptoki_fault.node') },
      environment: { CRYPTOKI_FAULT_MODULE: nullModule(), CRYPTOKI_FAULT_PLAN: `C_Sign delay=${delay}` },
    };
    const field = await Field.open(module, !withoutPeers);
    try {
      for (const count of counts) {
        const entries = field.entries(count, isWanted);
        const share = budget.take(1, (ROUNDS + 1) * (entries.length + 1));
        const milliseconds = Math.max(share, delay * LEAST_TURNS);
        tell(`${slowName(delay)}, ${count} session${count === 1 ? '' : 's'}`);
        const given = { module: slowName(delay), operation, sessions: count, milliseconds, rounds: ROUNDS };
        results.push(...(await measureCase({ ...given, delay: true }, field.raw, entries)));
      }
    } finally {
      await field.close();
      await base.stop();
    }
  }
  return results;
}
