// @ts-check
import { parseArgs } from 'node:util';
import { ToolError } from '../scripts/tools.mjs';
import { OPERATIONS } from './operations.mjs';

const MODULES = ['null module', 'SoftHSM2', 'NSS softokn'];
const PARTS = ['operations', 'slow', 'growth'];

const USAGE = `npm run bench [-- options]

Measures this package beside a C program on the same module, and beside other packages, all in turn within one run. It
writes a table, bench/results/bench.json and bench/results/bench.html.

  --quick                     about 2 minutes; without it about 10
  --seconds N                 about so long
  --only NAME                 only this; may be given several times
                              parts: ${PARTS.join(', ')}
                              modules: ${MODULES.join(', ')}
                              operations: ${OPERATIONS.map(({ name }) => name).join(', ')}
  --sessions LIST             how many sessions, such as 1,4,16
  --without-peers             does not install or measure other packages
  --json FILE                 where the results go; the page beside it as .html
  --check                     ends with exit code 1 when a target is missed

Your own token, instead of the modules that come with the bench:
  --module PATH               PKCS#11 module
  --token LABEL               which token; needed when there are several
  --pin-file FILE             file with the PIN in its first line; else the environment variable CRYPTOKI_PIN, else a prompt
  --library-parameters TEXT   for modules that want some
The keys "cryptoki-bench-..." are made for the run and destroyed at its end; nothing else on the token is touched.
Up to 64 sessions are opened by each contender at the same time: --sessions asks for fewer.`;

/** @typedef {NonNullable<ReturnType<typeof readOptions>>} Options */

/** @param {string} text */
function sessionCounts(text) {
  const counts = text.split(',').map(Number);
  const isGood = counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 1024);
  if (!isGood) throw new ToolError('--sessions: a list of whole numbers from 1 to 1024, such as 1,4,16');
  return counts;
}

/** Reads the command line; undefined after printing the help. */
export function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      sessions: { type: 'string' },
      'without-peers': { type: 'boolean', default: false },
      json: { type: 'string' },
      check: { type: 'boolean', default: false },
      module: { type: 'string' },
      token: { type: 'string' },
      'pin-file': { type: 'string' },
      'library-parameters': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return undefined;
  }
  const known = [...PARTS, ...MODULES, ...OPERATIONS.map(({ name }) => name)];
  const unknown = values.only.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new ToolError(`--only ${unknown}: there are ${known.join(', ')}`);
  const seconds = values.seconds === undefined ? (values.quick ? 120 : 600) : Number(values.seconds);
  if (!(seconds > 0)) throw new ToolError('--seconds: a positive number');
  const chosen = (/** @type {readonly string[]} */ all) => all.filter((name) => values.only.includes(name));
  const parts = chosen(PARTS);
  const hasDetails = values.only.length > parts.length || values.module !== undefined;
  return {
    seconds,
    quick: values.quick,
    check: values.check,
    json: values.json,
    withoutPeers: values['without-peers'],
    ...(values.sessions === undefined ? {} : { sessions: sessionCounts(values.sessions) }),
    /** The parts of the bench to run. */
    parts: parts.length > 0 ? parts : hasDetails ? ['operations'] : PARTS,
    modules: chosen(MODULES),
    operations: chosen(OPERATIONS.map(({ name }) => name)),
    ...(values.module === undefined
      ? {}
      : {
          own: {
            module: values.module,
            ...(values.token === undefined ? {} : { token: values.token }),
            ...(values['pin-file'] === undefined ? {} : { pinFile: values['pin-file'] }),
            ...(values['library-parameters'] === undefined
              ? {}
              : { libraryParameters: values['library-parameters'] }),
          },
        }),
  };
}
