// @ts-check
// Checks of the programs in this folder. They run in runtimes without a test runner, on emulators too, so they are plain
// functions. The last line is "N passed, N failed".

import { writeSync } from 'node:fs';

let passed = 0;
let failed = 0;

/** @param {string} text */
const say = (text) => writeSync(1, `${text}\n`);

/** @param {string} title @param {() => unknown} work */
export async function check(title, work) {
  try {
    await work();
    passed += 1;
    if (process.env.CRYPTOKI_MATRIX_VERBOSE) say(`ok      ${title}`);
  } catch (error) {
    failed += 1;
    say(`FAILED  ${title}\n${error instanceof Error ? error.stack : error}`);
  }
}

/** Prints the sum, and ends the process with an exit code for it. */
export function finish() {
  say(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
