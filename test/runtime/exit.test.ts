/** The process must end with its own exit code, whatever the module does at that time. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

const run = promisify(execFile);
const program = (name: string) => fileURLToPath(new URL(`../support/programs/${name}.mjs`, import.meta.url));

let token: TestToken;
beforeAll(async () => {
  token = await createToken();
});
afterAll(() => token.remove());

describe('a process that exits during long calls:', () => {
  test.each([
    ['throw', 1],
    ['reject', 1],
    ['exit', 3],
  ])(
    '%s leads to exit code %i without loss of output',
    async (ending, code) => {
      for (let i = 0; i < 3; i++) {
        const parameters = [program('long-exit'), token.module, token.label, token.pin, ending];
        const end = await run(process.execPath, parameters).catch((error) => error);
        expect(end).toMatchObject({ code, signal: null, stdout: `exit ${code}\n` });
      }
    },
    60_000,
  );
});

describe.skipIf(process.platform === 'win32')('a module that installs signal handlers', () => {
  const interrupted = async (signalHandlers: string): Promise<string> => {
    const parameters = [program('signals'), token.module, token.label, signalHandlers];
    const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.endsWith('ready\n')) child.kill('SIGINT');
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    const [code, signal] = await once(child, 'exit');
    clearTimeout(timer);
    return `${output.trim().split('\n').pop()} ${code ?? signal}`;
  };

  test('prevents the program from receiving SIGINT', async () => {
    expect(await interrupted('keep')).toBe('ready SIGKILL');
  }, 20_000);

  test('does not prevent it when signal handlers are restored', async () => {
    expect(await interrupted('restore')).toBe('interrupted 0');
  }, 20_000);
});

describe.skipIf(process.platform === 'win32')('a process with a module whose exit handler', () => {
  const ends = async (oddity: string, exitHandlers: string) =>
    run(process.execPath, [program('exit-handlers'), token.module, oddity, exitHandlers], {
      timeout: 5000,
      killSignal: 'SIGKILL',
    }).then(
      () => 0,
      ({ code, signal }) => code ?? signal,
    );

  test('aborts ends with its own exit code when exit handlers are skipped', async () => {
    expect(await ends('exit-handler-aborts', 'run')).toBe('SIGABRT');
    expect(await ends('exit-handler-aborts', 'skip')).toBe(7);
  }, 20_000);

  test('hangs ends when exit handlers are skipped', async () => {
    expect(await ends('exit-handler-hangs', 'run')).toBe('SIGKILL');
    expect(await ends('exit-handler-hangs', 'skip')).toBe(7);
  }, 20_000);
});
