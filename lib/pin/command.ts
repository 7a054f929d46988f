import { MAX_CONTENT_BYTES, pinFromContent } from './content';
import { pinError } from './error';
import type { PinProvider } from './request';

/** The time limit of a command. */
const TIME_LIMIT_MS = 60_000;

function run(path: string, signal: AbortSignal | undefined): Promise<Buffer> {
  // Loaded on first use: most programs do not need it, and loading it takes milliseconds.
  const { spawn } = require('node:child_process') as typeof import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(path, [], { stdio: ['ignore', 'pipe', 'inherit'], windowsHide: true });
    const chunks: Buffer[] = [];
    let length = 0;
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      const content = Buffer.concat(chunks);
      for (const chunk of chunks) chunk.fill(0);
      return content;
    };
    // Does not wait for the end of the output, which processes that the command has started can keep open.
    const stop = (reason: unknown) => {
      child.stdout.destroy();
      child.kill();
      end().fill(0);
      reject(reason);
    };
    const failure = (problem: string, cause?: unknown) =>
      pinError('ERR_CRYPTOKI_PIN_SOURCE', `the command ${path} ${problem}`, cause);
    const abort = () => stop(signal?.reason);
    const timer = setTimeout(
      () => stop(failure(`did not end within ${TIME_LIMIT_MS / 1000} s`)),
      TIME_LIMIT_MS,
    );
    signal?.addEventListener('abort', abort);
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_CONTENT_BYTES) stop(failure(`wrote more than ${MAX_CONTENT_BYTES} bytes`));
    });
    child.once('error', (error) => stop(failure('cannot be started', error)));
    child.once('close', (code, signalName) => {
      const content = end();
      if (code === 0) return resolve(content);
      content.fill(0);
      reject(failure(`failed with ${signalName ?? `exit code ${code}`}`));
    });
  });
}

/** Returns a provider of the PIN that a program writes to its standard output. The program gets no shell, arguments or input. */
export function pinFromCommand(path: string): PinProvider {
  return async ({ signal }) => {
    signal?.throwIfAborted();
    return pinFromContent(await run(path, signal), `the output of ${path}`);
  };
}
