// @ts-check
// Tells the thread sanitizer's reports about this addon from those about Node. Node is not instrumented, so every run
// with workers gives some reports about V8 and libuv. Suppressions cannot sort them: "race:v8::" matches any frame of a
// stack, and below every function that JavaScript calls there is a frame of V8.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const node = basename(process.execPath);
const isRuntime = /^(lib(tsan|stdc\+\+|gcc_s|c|pthread)\.so|ld-linux)/;

/**
 * Which file's code a stack belongs to: the innermost frame outside of the C and C++ libraries.
 * @param {string[]} frames
 */
function owner(frames) {
  const modules = frames.map((frame) => /\(([^()\s]+)\+0x[0-9a-f]+\)$/.exec(frame)?.[1] ?? '');
  return modules.find((module) => module !== '' && !isRuntime.test(module));
}

/**
 * Is one side of the race ours, and the other not in Node? (An order that V8 keeps with its own atomics, say between our
 * write into a buffer and its release by the garbage collector, is invisible to the sanitizer.)
 * @param {string} report
 */
function isOurs(report) {
  const sections = report.split(/\n\s*\n/).flatMap((part) => {
    const [, heading = '', stack = ''] =
      /(?:^|\n) {2}(\S.*):\n((?: {4}#\d+ .*(?:\n|$))+)/.exec(`\n${part}`) ?? [];
    // Where a thread, a mutex or a block came from is no side of the race.
    if (!stack || /^(Location|Thread T|As if|Mutex M\d+ .*created)/.test(heading)) return [];
    return [owner(stack.trimEnd().split('\n'))];
  });
  return (
    (sections.includes('cryptoki.node') || sections.includes('cryptoki_fault.node')) &&
    !sections.includes(node)
  );
}

/**
 * @param {string} folder where the sanitizer wrote its logs
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
