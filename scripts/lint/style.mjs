// @ts-check
// Patterns of sentences that readers of this repository have found hard to understand. The rule behind them: subject, verb,
// object; a noun in place of "what", "who" or "whether"; software does not tell, hear or know.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { at, root, ToolError } from '../tools.mjs';

const FILES = /\.(ts|mjs|cjs|cc|h|md)$/;
/** Generated files follow spec/. Vectors and licences are copied text. */
const LEFT_OUT =
  /(^|\/)(generated|node_modules)\/|^test\/vectors\/data\/|^LICENSE|^scripts\/lint\/style\.mjs$/;

/** The beginning of a comment. */
const BEGIN = String.raw`(?:^|\s)(?:\/\*\*?|\/\/)\s+(?:@param \S+ |@returns )?`;

/** @type {readonly { readonly pattern: RegExp, readonly instead: string }[]} */
const PATTERNS = [
  {
    pattern: new RegExp(`${BEGIN}(?:What|Who|How|Whether|Where|Why)\\b(?! to\\b)`),
    instead: 'begin with a noun or a verb: "The sessions that ...", "Returns true when ..."',
  },
  {
    pattern: /\b(?:is|are|was) no (?!more\b|longer\b|later\b|earlier\b|\w+er than\b)[a-z]/,
    instead: '"is not a ..."',
  },
  { pattern: /\bso many\b/i, instead: 'a number: "at most N", "N times"' },
  {
    pattern: /\b(?:is|are|was|were|be|been) told\b|\btells? of\b/i,
    instead: '"reports", "receives", "emits"',
  },
];

/** Files whose strings are checked too: those with error messages. */
const WITH_MESSAGES = /^(lib|binding|fault)\/.*\.(ts|cc|h)$/;

/** A string with at least two words. Names, paths and imports have none. */
const MESSAGE = /(['"`])((?:\\.|(?!\1)[^\\])* (?:\\.|(?!\1)[^\\])*)\1/g;

/**
 * Yields the lines of a file that contain sentences: comments and error messages of code, or all lines of a document.
 * @param {string} file @param {string} text
 */
function* sentencesOf(file, text) {
  const isDocument = file.endsWith('.md');
  const hasMessages = WITH_MESSAGES.test(file);
  let isInside = false;
  let isCode = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (isDocument) {
      if (/^\s*```/.test(line)) isCode = !isCode;
      if (!isCode) yield { line, number: index + 1 };
      continue;
    }
    const begins = /^\s*\/\*/.test(line);
    if (begins) isInside = true;
    if (isInside || /(?:^|\s)\/\/\s/.test(line)) yield { line, number: index + 1 };
    else if (hasMessages)
      for (const [, , message = ''] of line.matchAll(MESSAGE)) yield { line: message, number: index + 1 };
    if (/\*\/\s*$/.test(line)) isInside = false;
  }
}

/** @throws ToolError with every line */
export function checkStyle() {
  const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((file) => FILES.test(file) && !LEFT_OUT.test(file) && existsSync(at(file)));
  /** @type {string[]} */
  const complaints = [];
  for (const file of files) {
    for (const { line, number } of sentencesOf(file, readFileSync(at(file), 'utf8'))) {
      for (const { pattern, instead } of PATTERNS) {
        if (pattern.test(line)) complaints.push(`${file}:${number}: ${line.trim()}\n    ${instead}`);
      }
    }
  }
  if (complaints.length > 0)
    throw new ToolError(`${complaints.join('\n')}\n${complaints.length} sentences to reword`);
}
