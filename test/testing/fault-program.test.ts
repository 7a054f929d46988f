import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createSoftToken, FaultModule, type FaultRule, planText, type SoftToken } from 'cryptoki/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { openNss, whyNoNss } from '../support/nss';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..');
// The runtime of a sanitizer would have to be linked into the program, too.
const isSanitized = (process.env.LD_PRELOAD ?? '').includes('san');

let folder: string;
let program: string;
let token: SoftToken;
let hsm: FaultModule;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-native-'));
  program = join(folder, 'fault_program');
  const source = join(root, 'test', 'native', 'fault_program.cc');
  const flags = ['-std=c++20', '-O2', `-I${join(root, 'binding')}`, '-pthread', '-o', program];
  const libraries = process.platform === 'linux' ? ['-ldl'] : [];
  await run(process.env.CXX ?? 'c++', [...flags, source, ...libraries]);
  token = await createSoftToken({ module: await ensureSoftHSM() });
  hsm = await FaultModule.create({ module: token.module });
}, 60_000);
afterAll(async () => {
  await hsm[Symbol.asyncDispose]();
  token.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the program and returns its output and the report of the fault module, line by line. */
async function start(what: string, plan: readonly FaultRule[] = [], module = token.module) {
  const report = join(folder, 'report');
  const { stdout } = await run(program, [hsm.path, what], {
    env: {
      ...process.env,
      ...token.environment,
      CRYPTOKI_FAULT_MODULE: module,
      CRYPTOKI_FAULT_PLAN: planText(plan),
      CRYPTOKI_FAULT_REPORT: report,
    },
  });
  const lines = (text: string) => text.trimEnd().split('\n');
  return { output: lines(stdout), report: what === 'interfaces' ? [] : lines(readFileSync(report, 'utf8')) };
}

describe.skipIf(process.platform === 'win32' || isSanitized)('a program without Node.js', () => {
  test.each(['now', 'lazy'])('loads the fault module (RTLD_%s)', async (way) => {
    const { output, report } = await start(way);
    expect(output).toEqual(['C_Initialize 0x0', 'C_GenerateRandom 0x0', 'C_Finalize 0x0']);
    expect(report).toContain('calls C_GenerateRandom 1');
    const spoiled = await start(way, [{ function: 'C_GenerateRandom', return: 'CKR_DEVICE_ERROR' }]);
    expect(spoiled.output[1]).toBe('C_GenerateRandom 0x30');
    expect(spoiled.report).toContain('rule 1 matches 1 injected 1');
  });

  test('gets an error and a message for a wrong environment', async () => {
    const failed = (env: NodeJS.ProcessEnv) =>
      run(program, [hsm.path, 'now'], { env: { ...process.env, ...env } }).then(
        () => 'no error',
        (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
      );
    expect(await failed({ CRYPTOKI_FAULT_MODULE: undefined })).toBe(
      'C_GetFunctionList: 0x5\ncryptoki_fault: CRYPTOKI_FAULT_MODULE must name the PKCS#11 module to wrap\n',
    );
    expect(await failed({ CRYPTOKI_FAULT_MODULE: '/no/file.so' })).toContain('/no/file.so');
    const plan = { CRYPTOKI_FAULT_MODULE: token.module, CRYPTOKI_FAULT_PLAN: '\n# nothing\nC_Sign nth=x' };
    expect(await failed(plan)).toContain('rule in line 3: nth takes a whole number from 1, not "x"');
  });

  test('that breaks rules is reported, and the real module does not crash', async () => {
    const { output, report } = await start('violations', [
      { function: ['C_GenerateRandom', 'C_Finalize'], delay: 300 },
    ]);
    expect(output).toEqual([
      'C_Initialize 0x0',
      'overlapping 0x90', // CKR_OPERATION_ACTIVE
      'close 0x6', // CKR_FUNCTION_FAILED
      'closeAll 0x6',
      'finalize 0x6',
      'slow 0x0',
      'close 0x0',
      'closed 0xb3', // CKR_SESSION_HANDLE_INVALID
      'unknown 0xb3',
      'during finalize 0x190', // CKR_CRYPTOKI_NOT_INITIALIZED
      'finalize 0x0',
    ]);
    expect(report.filter((line) => line.startsWith('violation'))).toEqual([
      'violations 6',
      'violation overlapping-calls C_GetSessionInfo during C_GenerateRandom session 1',
      'violation close-during-call C_CloseSession during C_GenerateRandom session 1',
      'violation close-during-call C_CloseAllSessions during C_GenerateRandom session 1',
      'violation finalize-during-call C_Finalize during C_GenerateRandom session 1',
      'violation closed-session C_GetSessionInfo during - session 1',
      'violation call-during-finalize C_GetInfo during C_Finalize session 0',
    ]);
  });

  test('makes 64 calls that all wait at the same time', async () => {
    const { output, report } = await start('parallel', [{ function: 'C_GenerateRandom', delay: 20 }]);
    expect(output).toEqual(['C_Initialize 0x0', 'finalize 0x0']);
    expect(report).toEqual(
      expect.arrayContaining(['calls C_GenerateRandom 1280', 'opened-sessions 64', 'violations 0']),
    );
    const [, most] = /most-delayed (\d+)/.exec(report.join('\n')) ?? [];
    expect(Number(most)).toBeGreaterThan(32);
  });

  test('receives the planned wrong lengths', async () => {
    const { output } = await start('sizes', [
      { function: 'C_Digest', nth: 1, size: -12 },
      { function: 'C_Digest', nth: 2, size: 100 },
      { function: 'C_Digest', nth: 4, grown: 8 }, // counts calls with a buffer: the first one was repeated
    ]);
    expect(output).toEqual([
      'C_Initialize 0x0',
      'asked 20, then 0x150 and 32', // CKR_BUFFER_TOO_SMALL
      'again 0x0 and 32',
      'asked 132, then 0x0 and 32',
      'asked 32, then 0x150 and 40',
      'again 0x0 and 32',
      'asked 32, then 0x0 and 32',
      'finalize 0x0',
    ]);
  });

  test('finds the interfaces of the real module: SoftHSM2', async () => {
    expect((await start('interfaces')).output).toEqual([
      'C_GetInterfaceList 0x0',
      'PKCS 11 2.40 - found',
      '9.9 0x7',
      'default 0x0',
    ]);
  });

  test.skipIf(whyNoNss !== undefined)('finds the interfaces of the real module: NSS', async () => {
    const nss = await openNss();
    await nss.close();
    const { output } = await start('interfaces', [], nss.module.path);
    expect(output.slice(1, -2)).toEqual(['PKCS 11 3.0 messages found', 'PKCS 11 2.40 - found']);
  });
});
