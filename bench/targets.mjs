// @ts-check
// Checks the targets of this package against the measurements.
import { OURS, PEERS } from './field.mjs';
import { IN_FLIGHT, OPERATIONS } from './operations.mjs';
import { slowName } from './run-slow.mjs';

/**
 * @typedef {import('./measure.mjs').Result} Result
 * @typedef {import('./run-growth.mjs').Growth} Growth
 *
 * @typedef {object} Target
 * @property {string} name
 * @property {string} wanted
 * @property {string} measured
 * @property {boolean} passed
 */

/** @param {number} value */
const short = (value) => (Number.isFinite(value) ? value.toPrecision(3) : String(value));

/** Results that were measured. @param {readonly Result[]} results @param {Partial<Result>} wanted */
function matching(results, wanted) {
  return results.filter(
    (result) =>
      result.skipped === undefined &&
      Object.entries(wanted).every(([name, value]) => Reflect.get(result, name) === value),
  );
}

/** Forms that run on one thread: their CPU time is more reliable than the clock of a busy machine. */
const ON_ONE_THREAD = ['raw sync', 'model sync', 'sync'];
/** @param {Result} result */
const ratioOf = ({ form, ratio, cpuRatio }) => (ON_ONE_THREAD.includes(form) ? cpuRatio : ratio)?.median ?? 0;
/** @param {Result} result */
const rateOf = ({ perSecond }) => perSecond?.median ?? 0;
/** @param {Result} result */
const where = ({ module, form, sessions }) =>
  `${module}, ${form}, ${sessions} session${sessions === 1 ? '' : 's'}`;

/**
 * The worst of several results must reach the target.
 * @param {string} name
 * @param {readonly Result[]} results
 * @param {number} least
 * @returns {Target[]}
 */
function atLeast(name, results, least) {
  const [worst] = [...results].sort((a, b) => ratioOf(a) - ratioOf(b));
  if (worst === undefined) return [];
  const measured = `${short(ratioOf(worst))} (${where(worst)})`;
  return [{ name, wanted: `>= ${least} of the C loop`, measured, passed: ratioOf(worst) >= least }];
}

const REAL = (/** @type {Result} */ { module }) => module !== 'null module';
const CONCURRENT = ['raw async', 'model', 'client'];
const QUEUED = ['model, queued', 'client, queued'];

/** @param {readonly Result[]} all @returns {Target[]} */
function signing(all) {
  return ['sign-rsa', 'sign-p256'].flatMap((operation) => {
    const title = OPERATIONS.find(({ name }) => name === operation)?.title ?? operation;
    const ours = matching(all, { contender: OURS, operation }).filter(REAL);
    const batches = ours.filter(({ form }) => form.endsWith('batch'));
    const concurrent = ours.filter(({ form, sessions }) => CONCURRENT.includes(form) && sessions > 1);
    const queued = ours.filter(({ form }) => QUEUED.includes(form));
    return [
      ...atLeast(`${title}: batch`, batches, 0.97),
      ...atLeast(`${title}: ${IN_FLIGHT} in flight`, queued, 0.97),
      ...atLeast(`${title}: one in flight for each session`, concurrent, 0.97),
    ];
  });
}

/** @param {readonly Result[]} all @returns {Target[]} */
function digesting(all) {
  const ours = matching(all, { contender: OURS, operation: 'digest-32', sessions: 1 }).filter(REAL);
  return [
    ...atLeast(
      'SHA-256 of 32 bytes: batch',
      ours.filter(({ form }) => form.endsWith('batch')),
      0.9,
    ),
    ...['raw', 'model'].flatMap((level) => {
      const results = ours.filter(({ form }) => form === `${level} sync`);
      return atLeast(`SHA-256 of 32 bytes: synchronous, ${level}`, results, 0.7);
    }),
  ];
}

/** @param {readonly Result[]} all @returns {Target[]} */
function streams(all) {
  const ours = matching(all, { contender: OURS, operation: 'digest-stream', sessions: 1 }).filter(REAL);
  return atLeast('streams, chunks of 64 KiB', ours, 0.95);
}

/** @param {readonly Result[]} all @returns {Target[]} */
function sessionInfo(all) {
  const module = 'null module';
  const [ours] = matching(all, { module, contender: OURS, operation: 'session-info', form: 'raw sync' });
  const [theirs] = matching(all, { module, contender: 'pkcs11js', operation: 'session-info', form: 'sync' });
  if (ours === undefined || theirs === undefined) return [];
  const times = (theirs.cpu?.median ?? 0) / (ours.cpu?.median ?? 1);
  const wanted = '>= 3 times pkcs11js, by CPU per call';
  return [{ name: 'session info, raw', wanted, measured: short(times), passed: times >= 3 }];
}

/** @param {readonly Result[]} all @returns {Target[]} */
function overhead(all) {
  const ours = matching(all, { module: 'null module', contender: OURS });
  /** @param {string} name @param {Result[]} results @param {number} most @returns {Target[]} */
  const atMost = (name, results, most) => {
    const [worst] = results.sort((a, b) => (b.extraCpu?.median ?? 0) - (a.extraCpu?.median ?? 0));
    if (worst === undefined) return [];
    const extra = worst.extraCpu?.median ?? 0;
    const measured = `${short(extra)} us (${worst.operation}, ${worst.form})`;
    return [{ name, wanted: `<= ${most} us beyond the C loop`, measured, passed: extra <= most }];
  };
  const simple = ours.filter(({ operation }) => operation !== 'find' && operation !== 'digest-stream'); // many calls
  return [
    ...atMost(
      'CPU per synchronous call',
      simple.filter(({ form }) => form === 'raw sync'),
      1,
    ),
    ...atMost(
      'CPU per asynchronous call, 64 in flight',
      simple.filter(({ form, sessions }) => form === 'raw async' && sessions === 64),
      5,
    ),
  ];
}

/** @param {readonly Result[]} slow @returns {Target[]} */
function slowToken(slow) {
  return ['model', 'client'].flatMap((form) => {
    const [one, many] = [1, 64].map(
      (sessions) => matching(slow, { module: slowName(5), contender: OURS, form, sessions })[0],
    );
    if (one === undefined || many === undefined) return [];
    const times = rateOf(many) / rateOf(one);
    const p99 = many.delay?.p99 ?? Number.NaN;
    const name = `5 ms token, 64 sessions, ${form}`;
    return [
      { name, wanted: '>= 60 times one session', measured: short(times), passed: times >= 60 },
      {
        name: `${name}: event loop`,
        wanted: 'p99 delay < 10 ms',
        measured: `${short(p99)} ms`,
        passed: p99 < 10,
      },
    ];
  });
}

/** Forms that are alternatives for a user. */
const KINDS = [
  { kind: 'synchronous', ours: ['raw sync', 'model sync'], theirs: ['sync'] },
  { kind: 'asynchronous', ours: ['raw async', 'model', 'client'], theirs: ['async', 'promise'] },
];
/** Relative difference of two slices of the same work on a busy machine. */
const TOLERANCE = 0.95;

/** Our best form of a kind must not be slower than a peer (CPU time for one thread). @param {readonly Result[]} all @returns {Target[]} */
function peers(all) {
  return PEERS.flatMap((contender) => {
    /** @type {{ text: string, times: number }[]} */
    const compared = [];
    for (const theirs of matching(all, { contender })) {
      const kind = KINDS.find(({ theirs: forms }) => forms.includes(theirs.form));
      const { module, operation, sessions } = theirs;
      const ours = matching(all, { contender: OURS, module, operation, sessions });
      const rates = ours.filter(({ form }) => kind?.ours.includes(form)).map(ratioOf);
      if (kind === undefined || rates.length === 0) continue;
      const times = Math.max(...rates) / ratioOf(theirs);
      compared.push({ times, text: `${module}, ${operation}, ${kind.kind}, ${sessions} sessions` });
    }
    const [worst] = [...compared].sort((a, b) => a.times - b.times);
    if (worst === undefined) return [];
    const slower = compared.filter(({ times }) => times < TOLERANCE).length;
    const measured = `${short(worst.times)} times (${worst.text}); slower in ${slower} of ${compared.length}`;
    return [
      {
        name: `never slower than ${contender}`,
        wanted: `>= ${TOLERANCE} times`,
        measured,
        passed: slower === 0,
      },
    ];
  });
}

const ENOUGH = 1000; // below it, the start-up dominates
const MEBIBYTE = 1 << 20;
const MOST_MORE = 32; // the garbage collector and malloc keep some freed memory

/** @param {readonly Growth[]} growths @returns {Target[]} */
function growth(growths) {
  return growths.flatMap(({ kind, points }) => {
    const last = points.filter(({ again }) => !again).at(-1);
    const second = points.find(({ again }) => again);
    const first = points.find(({ count }) => count >= Math.min(ENOUGH, (last?.count ?? 0) / 10));
    if (first === undefined || last === undefined || second === undefined || first === last) return [];
    const factor = last.cpu / last.count / (first.cpu / first.count);
    const linear = {
      name: `growth, ${kind}: time`,
      wanted: '<= 1.5 times the CPU for each one',
      measured: `${short(factor)} times at ${last.count} as at ${first.count}`,
      passed: factor <= 1.5,
    };
    // Work that keeps all its results needs memory for them, but a repetition must not need more.
    const isKept = kind === 'objects found' || kind === 'sessions';
    const before = isKept ? last : (points.find(({ count }) => count * 10 === last.count) ?? first);
    const more = (second.peak - before.peak) / MEBIBYTE;
    const memory = {
      name: `growth, ${kind}: memory`,
      wanted: `<= ${MOST_MORE} MiB more ${isKept ? 'the second time' : 'for ten times as many'}`,
      measured: `${short(more)} MiB`,
      passed: more <= MOST_MORE,
    };
    return [linear, memory];
  });
}

/**
 * @param {{ operations: readonly Result[], slow: readonly Result[], growth: readonly Growth[] }} measured
 * @returns {Target[]} the targets with measurements
 */
export function checkTargets({ operations, slow, growth: growths }) {
  return [
    ...signing(operations),
    ...digesting(operations),
    ...streams(operations),
    ...sessionInfo(operations),
    ...overhead(operations),
    ...slowToken(slow),
    ...peers(operations),
    ...growth(growths),
  ];
}
