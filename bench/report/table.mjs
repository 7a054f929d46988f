// @ts-check
// The results as tables for the terminal.
import Table from 'cli-table3';
import { RAW } from '../field.mjs';
import { OPERATIONS } from '../operations.mjs';

/**
 * @typedef {import('../measure.mjs').Result} Result
 * @typedef {import('./results.mjs').Results} Results
 */

/** @param {number} value */
const rate = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3));
/** @param {number} value */
const ratio = (value) => (value >= 0.01 ? value.toFixed(2) : value.toPrecision(1));

const STYLE = { head: [], border: [], compact: true };

/** @param {Result} result */
function row({ contender, form, perSecond, ratio: ratios, cpuRatio, cpu, skipped }) {
  if (
    skipped !== undefined ||
    perSecond === undefined ||
    ratios === undefined ||
    cpu === undefined ||
    cpuRatio === undefined
  )
    return [];
  const spread = contender === RAW ? '' : `${ratio(ratios.min)} - ${ratio(ratios.max)}`;
  return [
    [
      contender,
      form,
      rate(perSecond.median),
      ratio(ratios.median),
      spread,
      ratio(cpuRatio.median),
      cpu.median.toPrecision(3),
    ],
  ];
}

/** @param {readonly Result[]} results */
function grouped(results) {
  /** @type {Map<string, Result[]>} */
  const groups = new Map();
  for (const result of results) {
    const { module, operation, sessions } = result;
    const title = OPERATIONS.find(({ name }) => name === operation)?.title ?? operation;
    const name = `${module}: ${title}, ${sessions} session${sessions === 1 ? '' : 's'}`;
    groups.set(name, [...(groups.get(name) ?? []), result]);
  }
  return groups;
}

/** @param {readonly Result[]} results @param {(line: string) => void} print */
function printCases(results, print) {
  for (const [name, group] of grouped(results)) {
    const hasDelay = group.some(({ delay }) => delay !== undefined);
    const head = ['', 'form', 'per second', 'of C', 'min - max', 'of C by CPU', 'CPU us'];
    const table = new Table({
      head: hasDelay ? [...head, 'loop p50 / p99 ms'] : head,
      colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
      style: STYLE,
    });
    for (const result of group) {
      const { delay } = result;
      const more = delay === undefined ? [] : [`${delay.p50.toFixed(1)} / ${delay.p99.toFixed(1)}`];
      for (const cells of row(result)) table.push([...cells, ...more]);
    }
    print(`\n${name}\n${table.toString()}`);
  }
}

/** @param {Results} results @param {(line: string) => void} print */
export function printResults({ operations, slow, growth, targets, notes }, print) {
  printCases(operations, print);
  printCases(slow, print);
  for (const { kind, points } of growth) {
    const table = new Table({ head: [kind, 'ms', 'us each', 'peak MiB', 'left MiB'], style: STYLE });
    for (const { count, again, milliseconds, peak, after } of points) {
      const [most, left] = [peak, after].map((bytes) => (bytes / (1 << 20)).toFixed(1));
      const each = ((milliseconds * 1000) / count).toPrecision(3);
      table.push([
        `${count.toLocaleString('en')}${again ? ', again' : ''}`,
        milliseconds.toFixed(1),
        each,
        most,
        left,
      ]);
    }
    print(`\n${table.toString()}`);
  }
  if (notes.length > 0) print(`\nNot measured:\n${notes.map((note) => `  ${note}`).join('\n')}`);
  if (targets.length === 0) return;
  const table = new Table({ head: ['', 'target', 'wanted', 'measured'], style: STYLE });
  for (const { name, wanted, measured, passed } of targets) {
    table.push([passed ? 'pass' : 'FAIL', name, wanted, measured]);
  }
  print(`\n${table.toString()}`);
}
