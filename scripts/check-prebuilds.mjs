// @ts-check
// Checks the compiled files of the package by their format: machine, exported and imported symbols, versions of system
// libraries, paths of the build machine. It needs neither compilers nor the systems that the files are for.
//
//   node scripts/check-prebuilds.mjs [--existing] [TARGET ...]     default: all targets
//
// --existing leaves out targets of which no file exists.

import { existsSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkPrebuild } from './prebuild/check.mjs';
import { filesOf, targets } from './prebuild/targets.mjs';
import { at, runMain, ToolError } from './tools.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { existing: { type: 'boolean', default: false } },
});

await runMain(async () => {
  const names = positionals.length > 0 ? positionals : Object.keys(targets);
  /** @type {string[]} */
  const complaints = [];
  let count = 0;
  for (const name of names) {
    const target = targets[name];
    if (!target) throw new ToolError(`${name}: not a target. Targets: ${Object.keys(targets).join(', ')}`);
    const files = filesOf(target);
    if (options.existing && !files.some((file) => existsSync(at(file)))) continue;
    for (const file of files) {
      count += 1;
      const found = checkPrebuild(at(file), target);
      complaints.push(...found.map((complaint) => `${file} ${complaint}`));
      if (found.length === 0) console.log(`${file}: ok, ${statSync(at(file)).size} bytes`);
    }
  }
  if (complaints.length > 0) throw new ToolError(complaints.join('\n'));
  console.log(`${count} files can be published`);
});
