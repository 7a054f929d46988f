// @ts-check
// The results as one HTML file with charts. It contains the chart library, so it opens without a network.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { at } from '../../scripts/tools.mjs';
import { peerFile } from '../install-peers.mjs';
import { OPERATIONS } from '../operations.mjs';

/** @typedef {import('./results.mjs').Results} Results */

/** @param {unknown} value */
const escaped = (value) => String(value).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** Escapes text that would end a script element. @param {string} text */
const inScript = (text) => text.replaceAll('</', '<\\/');

/** @param {Results} results */
function head({ machine, modules, date, arguments: given }) {
  const { cpu, cores, memory, system, node, packages } = machine;
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  const lines = [
    `${cpu}, ${cores} cores, ${memory} GiB; ${system}; Node ${node}`,
    versions.join(', '),
    modules.map(({ name, version }) => `${name}: ${version}`).join('; '),
    `${date.slice(0, 16).replace('T', ' ')} UTC; npm run bench ${given.join(' ')}`,
  ];
  return lines.map((line) => `<p>${escaped(line)}</p>`).join('\n');
}

/** @param {Results} results */
function targets({ targets: all }) {
  if (all.length === 0) return '';
  const rows = all.map(
    ({ name, wanted, measured, passed }) =>
      `<tr class="${passed ? 'pass' : 'fail'}"><td>${passed ? 'pass' : 'fail'}</td><td>${escaped(name)}</td>` +
      `<td>${escaped(wanted)}</td><td>${escaped(measured)}</td></tr>`,
  );
  return `<h2>Targets</h2><table><tr><th></th><th>target</th><th>wanted</th><th>measured</th></tr>${rows.join('')}</table>`;
}

/** @param {import('../measure.mjs').Result[]} results */
function numbers(results) {
  const rows = results.map(
    ({ module, operation, sessions, contender, form, perSecond, ratio, cpu, delay, skipped }) => {
      const cells =
        perSecond === undefined || ratio === undefined || cpu === undefined
          ? [skipped, '', '', '', '', '']
          : [
              Math.round(perSecond.median).toLocaleString('en'),
              ...[ratio.min, ratio.median, ratio.max].map((value) => value.toPrecision(3)),
              cpu.median.toPrecision(3),
              delay === undefined ? '' : `${delay.p50.toFixed(1)} / ${delay.p99.toFixed(1)}`,
            ];
      return `<tr>${[module, operation, sessions, contender, form, ...cells].map((cell) => `<td>${escaped(cell ?? '')}</td>`).join('')}</tr>`;
    },
  );
  const names = ['module', 'operation', 'sessions', '', 'form', 'per second', 'ratio min', 'median', 'max'];
  const heads = [...names, 'CPU µs', 'loop p50 / p99 ms'].map((name) => `<th>${name}</th>`);
  return `<details><summary>All numbers</summary><table><tr>${heads.join('')}</tr>${rows.join('')}</table></details>`;
}

/**
 * @param {Results} results
 * @param {string} file
 * @returns {string | undefined} the file; undefined if the chart library is not installed
 */
export function writePage(results, file) {
  const library = peerFile('chart.js', 'dist', 'chart.umd.js');
  if (!existsSync(library)) return undefined;
  const own = readFileSync(at('bench', 'report', 'charts.js'), 'utf8');
  const titles = Object.fromEntries(OPERATIONS.map(({ name, title }) => [name, title]));
  const data = JSON.stringify({ ...results, titles });
  const notes = results.notes.map((note) => `<li>${escaped(note)}</li>`).join('');
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>cryptoki: bench</title>
<style>
${readFileSync(at('bench', 'report', 'page.css'), 'utf8')}</style>
<h1>cryptoki: bench</h1>
${head(results)}
<p>Each ratio compares with a C program that makes the same calls on the same module with as many threads and sessions,
in slices that take turns within one run; lines and bars are medians.</p>
${targets(results)}
<div id="charts"></div>
${numbers([...results.operations, ...results.slow])}
${notes === '' ? '' : `<h2>Not measured</h2><ul>${notes}</ul>`}
<script>${inScript(readFileSync(library, 'utf8'))}</script>
<script>const results = ${inScript(data)};</script>
<script>
${inScript(own)}</script>
</html>
`;
  writeFileSync(file, page);
  return file;
}
