import { spawn } from 'node:child_process';
import { MAX_CONTENT, pinFromContent } from './content';
import { pinError } from './error';
import type { PinProvider } from './request';

/** How long a command may take, in milliseconds. */
const TIME_LIMIT = 60_000;

function run(path: string, signal: AbortSignal | undefined): Promise<Buffer> {
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
    // Not waiting for the end of the output: what the command has started itself can keep that open.
    const stop = (reason: unknown) => {
      child.stdout.destroy();
      child.kill();
      end().fill(0);
      reject(reason);
    };
    const failure = (what: string, cause?: unknown) =>
      pinError('ERR_CRYPTOKI_PIN_SOURCE', `the command ${path} ${what}`, cause);
    const abort = () => stop(signal?.reason);
    const timer = setTimeout(() => stop(failure(`gave no PIN within ${TIME_LIMIT / 1000} s`)), TIME_LIMIT);
    signal?.addEventListener('abort', abort);
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_CONTENT) stop(failure(`wrote more than ${MAX_CONTENT} bytes`));
    });
    child.once('error', (error) => stop(failure('cannot be run', error)));
    child.once('close', (code, killed) => {
      const content = end();
      if (code === 0) return resolve(content);
      content.fill(0);
      reject(failure(`gave no PIN: it ended with ${killed ?? `exit code ${code}`}`));
    });
  });
}

/** The PIN that a program writes to its standard output. It is started without a shell, arguments or input. */
export function pinFromCommand(path: string): PinProvider {
  return async ({ signal }) => {
    signal?.throwIfAborted();
    return pinFromContent(await run(path, signal), `the output of ${path}`);
  };
}
