// @ts-check
// The levels of lib/: a file imports only from its own level and from those below it, type imports included. A level's
// inner files are imported by that level alone. Files that import each other in a circle are named here, one list for
// each circle.
import { readdirSync, readFileSync } from 'node:fs';
import { posix, relative, sep } from 'node:path';
import ts from 'typescript';
import { at, ToolError } from '../tools.mjs';

const BELOW_MODEL = ['generated', 'core', 'raw', 'uri', 'pin'];

/** The levels from which a level may import, by folder; an entry with a slash is one file. @type {Record<string, string[]>} */
const MAY_IMPORT = {
  generated: ['raw/values'], // the types of arguments
  core: ['generated'],
  raw: ['generated', 'core'],
  uri: ['generated', 'core', 'raw'],
  pin: ['generated', 'core', 'raw', 'uri'],
  model: BELOW_MODEL,
  client: [...BELOW_MODEL, 'model'],
  tls: ['core', 'model', 'client'],
  pkcs11js: ['generated', 'core', 'raw'],
  testing: ['generated', 'core', 'raw'],
  index: [...BELOW_MODEL, 'model', 'client', 'tls'],
};

/** Files that only their own level imports. @type {Record<string, string[]>} */
const INSIDE = {
  raw: ['addon', 'call-tracing', 'sync-fast-path', 'flat-mechanism', 'short-results'],
};

/** Allowed circles: public classes of one level, which return each other. */
const CIRCLES = [
  [
    ...['model/module', 'model/slot', 'model/slots/slot-watcher', 'model/token', 'model/session'],
    ...['model/objects/create-object', 'model/objects/find-objects', 'model/objects/storage-object'],
    ...['model/objects/key', 'model/objects/private-key', 'model/objects/public-key'],
    ...['model/objects/secret-key', 'model/objects/certificate', 'model/objects/data'],
  ],
  [
    ...['client/objects/client-certificate', 'client/objects/client-private-key'],
    ...['client/objects/client-public-key', 'client/objects/client-secret-key'],
  ],
];

/** The level of a file such as `model/session`. @param {string} file */
const levelOf = (file) => file.split('/')[0] ?? '';

/** The imports of each file of lib/, both without suffix. @returns {Map<string, string[]>} */
function readImports() {
  const lib = at('lib');
  const names = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.split(sep).join('/').slice(0, -'.ts'.length));
  const known = new Set(names);
  return new Map(
    names.sort().map((name) => {
      const text = readFileSync(at('lib', `${name}.ts`), 'utf8');
      const imported = ts.preProcessFile(text, true, true).importedFiles.flatMap(({ fileName }) => {
        if (!fileName.startsWith('.')) return [];
        const target = posix.join(posix.dirname(name), fileName);
        return [target, `${target}/index`].filter((candidate) => known.has(candidate));
      });
      return [name, [...new Set(imported)]];
    }),
  );
}

/** Groups of files that import each other, also indirectly (Tarjan). @param {Map<string, string[]>} imports @returns {string[][]} */
function circlesOf(imports) {
  /** @type {Map<string, { index: number, low: number, open: boolean }>} */
  const seen = new Map();
  /** @type {string[]} */
  const stack = [];
  /** @type {string[][]} */
  const circles = [];
  /** @param {string} file */
  const visit = (file) => {
    const state = { index: seen.size, low: seen.size, open: true };
    seen.set(file, state);
    stack.push(file);
    for (const target of imports.get(file) ?? []) {
      const other = seen.get(target) ?? visit(target);
      if (other.open) state.low = Math.min(state.low, other.low);
    }
    if (state.low === state.index) {
      const members = stack.splice(stack.indexOf(file));
      for (const member of members) /** @type {{ open: boolean }} */ (seen.get(member)).open = false;
      if (members.length > 1) circles.push(members.sort());
    }
    return state;
  };
  for (const file of imports.keys()) if (!seen.has(file)) visit(file);
  return circles;
}

/** @throws ToolError with every import that is not allowed */
export function checkLevels() {
  const imports = readImports();
  /** @type {string[]} */
  const complaints = [];
  for (const [file, targets] of imports) {
    const level = levelOf(file);
    const allowed = MAY_IMPORT[level];
    if (allowed === undefined) complaints.push(`lib/${file}.ts: ${level} is not a level; see MAY_IMPORT`);
    for (const target of targets) {
      const other = levelOf(target);
      if (other === level) continue;
      if (allowed !== undefined && !allowed.includes(other) && !allowed.includes(target)) {
        complaints.push(`lib/${file}.ts: ${level} does not import from ${other} (lib/${target}.ts)`);
      } else if (INSIDE[other]?.includes(target.slice(other.length + 1))) {
        complaints.push(`lib/${file}.ts: lib/${target}.ts is inside ${other}, which only ${other} imports`);
      }
    }
  }
  for (const circle of circlesOf(imports)) {
    if (CIRCLES.some((meant) => circle.every((file) => meant.includes(file)))) continue;
    complaints.push(`these ${circle.length} files import each other: ${circle.join(', ')}`);
  }
  if (complaints.length > 0) {
    throw new ToolError(
      `${complaints.join('\n')}\nThe rule: ${relative(at('.'), at('scripts/lint/levels.mjs'))}`,
    );
  }
}
