// @ts-check
// Separates the reports of the thread sanitizer about this addon from those about Node.js. Node.js is not instrumented, so
// every run with workers causes reports about V8 and libuv. Suppressions cannot separate them: "race:v8::" matches any frame
// of a stack, and every function that JavaScript calls has a frame of V8 below it.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const node = basename(process.execPath);
const isRuntime = /^(lib(tsan|stdc\+\+|gcc_s|c|pthread)\.so|ld-linux)/;

/**
 * The file to whose code a stack belongs: that of the innermost frame outside the C and C++ libraries.
 * @param {string[]} frames
 */
function owner(frames) {
  const modules = frames.map((frame) => /\(([^()\s]+)\+0x[0-9a-f]+\)$/.exec(frame)?.[1] ?? '');
  return modules.find((module) => module !== '' && !isRuntime.test(module));
}

/**
 * Returns true if one side of the race is ours and the other is not in Node.js. (The sanitizer cannot see an order that V8
 * ensures with its own atomics, such as between our write into a buffer and its release by the garbage collector.)
 * @param {string} report
 */
function isOurs(report) {
  const sections = report.split(/\n\s*\n/).flatMap((part) => {
    const [, heading = '', stack = ''] =
      /(?:^|\n) {2}(\S.*):\n((?: {4}#\d+ .*(?:\n|$))+)/.exec(`\n${part}`) ?? [];
    // The origin of a thread, a mutex or a block is not a side of the race.
    if (!stack || /^(Location|Thread T|As if|Mutex M\d+ .*created)/.test(heading)) return [];
    return [owner(stack.trimEnd().split('\n'))];
  });
  return (
    (sections.includes('cryptoki.node') || sections.includes('cryptoki_fault.node')) &&
    !sections.includes(node)
  );
}

/**
 * @param {string} folder with the logs of the sanitizer
 * @returns {{ ours: string[], others: number }}
 */
export function readReports(folder) {
  const reports = readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split(/^=+$/m)
      .filter((part) => part.includes('WARNING: ThreadSanitizer')),
  );
  const ours = reports.filter(isOurs);
  return { ours, others: reports.length - ours.length };
}
