import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install } from './support/install';
import { writeSources } from './support/sources';

const programs = join(import.meta.dirname, 'typescript');

let project: string;
let folder: string;

beforeAll(async () => {
  project = await install(join(programs, 'package.json'));
  folder = mkdtempSync(join(project, 'types-'));
  for (const name of readdirSync(programs)) {
    if (name.endsWith('.ts')) cpSync(join(programs, name), join(folder, name));
  }
  const graphene = join(project, 'node_modules', 'graphene-pk11', 'build');
  writeSources(join(graphene, 'es2015'), join(graphene, 'types'), join(folder, 'graphene'));
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * What a version of TypeScript says of files: place and number of each error.
 * @param ours whether 'pkcs11js' is compat/pkcs11js, which gives the types of this package
 */
async function errorsOf(typescript: string, include: string[], ours: boolean): Promise<string[]> {
  const compilerOptions = {
    ...{ strict: true, strictPropertyInitialization: false, noImplicitOverride: true, noEmit: true },
    ...{ target: 'es2022', module: 'node16', moduleResolution: 'node16', types: ['node'] },
    // Declarations are checked as well: they must be good for the oldest version.
    skipLibCheck: false,
    ...(ours ? { paths: { pkcs11js: ['../pkcs11js/index.d.ts'] } } : {}),
  };
  const file = join(folder, `tsconfig.${typescript}.${ours ? 'ours' : 'theirs'}.${include.join('.')}.json`);
  writeFileSync(file, JSON.stringify({ compilerOptions, include }));
  const tsc = join(project, 'node_modules', typescript, 'bin', 'tsc');
  const run = promisify(execFile)(process.execPath, [tsc, '-p', file, '--pretty', 'false'], { cwd: folder });
  const stdout = await run.then(
    () => '',
    (error: { stdout: string }) => error.stdout || String(error),
  );
  const lines = stdout.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith(' '));
  return lines.map((line) => /^.*\(\d+,\d+\): error TS\d+/.exec(line)?.[0] ?? relative(folder, line)).sort();
}

describe.each(['typescript-5.4', 'typescript-5.9', 'typescript-7.0'])(
  '%s',
  { timeout: 300_000 },
  (version) => {
    test('compiles the same programs with the types of cryptoki/pkcs11js as with those of pkcs11js', async () => {
      const theirs = await errorsOf(version, ['program.ts', 'comparison.ts', 'graphene'], false);
      // Types of variables and private members are not published, so the code of graphene-pk11 has errors with either.
      expect(theirs.filter((error) => !error.startsWith('graphene'))).toEqual([]);
      expect(theirs.length).toBeLessThan(60);
      expect(await errorsOf(version, ['program.ts', 'graphene'], true)).toEqual(theirs);
    });
  },
);
