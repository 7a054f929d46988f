// Full load on a client while faults are injected: by the fault module, and by a p11-kit server that is killed repeatedly.
// Every operation must end with a right result or a classified error; no session or key may be left over.
//
//   npm run soak -- [--seconds 60] [--seed 1] [--sessions 8] [fault] [server]
//
// Both run at the same time, each in a separate process, for this number of seconds plus half a minute, after which idle
// threads have ended. The seed determines the calls that fail and the behaviour of the PIN provider.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, sessions: { type: 'string' } },
});
const chosen = positionals.length > 0 ? positionals : ['fault', 'server'];
const options = Object.entries(values).map(([name, value]) => `--${name}=${value}`);

/** Runs one soak and returns its output. */
function soak(name) {
  const program = new URL(`./${name}.mjs`, import.meta.url).pathname;
  const child = spawn(process.execPath, ['--expose-gc', program, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('close', (code, signal) => {
      const line = text.trim().split('\n').at(-1) ?? '';
      if (line.startsWith('{')) resolve(JSON.parse(line));
      else resolve({ name, problems: [`it ended with ${signal ?? code} and said nothing: ${text}`] });
    });
  });
}

const results = await Promise.all(chosen.map(soak));
const table = new Table({ head: ['', ...results.map(({ name }) => name)], style: { head: [], border: [] } });
const row = (title, value) => table.push([title, ...results.map((result) => value(result) ?? '')]);
row('faults', ({ faults }) => faults);
row('operations', ({ begun }) => begun);
row('  right', ({ valid }) => valid);
row('  failed', ({ errors = {} }) => Object.values(errors).reduce((sum, count) => sum + count, 0));
const codes = [...new Set(results.flatMap(({ errors = {} }) => Object.keys(errors)))].sort();
for (const code of codes) row(`    ${code}`, ({ errors = {} }) => errors[code] ?? 0);
row('tried again', ({ retries }) => retries);
row('recoveries', ({ recoveries }) => recoveries);
row('losses: begun, down, ended', ({ losses }) => losses && Object.values(losses).join(', '));
row('sessions given up', ({ givenUp }) => givenUp);
row('health(): asked, ok', ({ health }) => health && `${health.asked}, ${health.ok}`);
row('  longest, ms', ({ health }) => health && Math.round(health.longest));
row('functions that had their turn', ({ turns }) => turns);
row('PIN providers', ({ providers }) =>
  Object.entries(providers ?? {})
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', '),
);
row('logins', ({ logins }) => logins);
row('longest operation, ms', ({ longest }) => longest);
row('sessions at the end', ({ sessions }) => sessions);
row('memory, MiB', ({ before, after }) => before && `${before.toFixed(0)} → ${after.toFixed(0)}`);
console.log(table.toString());
for (const { name, problems } of results)
  for (const problem of problems) console.error(`${name}: ${problem}`);
process.exitCode = results.some(({ problems }) => problems.length > 0) ? 1 : 0;
