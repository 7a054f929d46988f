import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { argumentError, requireOptions } from '../core/arguments';
import { pinError } from './error';
import type { PinProvider, PinRequest } from './request';

/** Options of {@link pinFromPrompt}. */
export interface PinPromptOptions {
  /** The terminal to read from; default process.stdin. */
  readonly input?: ReadStream | undefined;
  /** Where the question is written; default process.stderr, which leaves the program's output alone. */
  readonly output?: NodeJS.WritableStream | undefined;
  /** The question, in place of the default one. What it takes from the token should pass {@link printable}. */
  readonly message?: ((request: PinRequest) => string) | undefined;
}

/** Text of a token without control characters: they could steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

function warning({ attempt, flags }: PinRequest): string {
  const refused = attempt > 1 ? 'The token refused the PIN.\n' : '';
  if (flags.locked) return `${refused}The PIN is locked.\n`;
  if (flags.finalTry) return `${refused}One try is left: a wrong PIN locks the token.\n`;
  if (flags.countLow) return `${refused}Few tries are left: wrong PINs were entered before.\n`;
  return refused;
}

function describe({ user, token, key }: PinRequest): string {
  const label = printable(token.label) || `with serial number ${printable(token.serialNumber)}`;
  const on = token.label === '' ? label : `"${label}"`;
  const name = key?.label ? `"${printable(key.label)}"` : key?.id?.toString('hex');
  const by = name === undefined ? '' : ` to use key ${name}`;
  return `${user === 'SO' ? 'SO PIN' : 'PIN'} of token ${on}${by}`;
}

/** Questions on one terminal wait for each other. */
const asking = new WeakMap<object, Promise<unknown>>();

function abortable<Result>(promise: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

async function ask(input: ReadStream, question: string, output: NodeJS.WritableStream, signal?: AbortSignal) {
  const ended = new AbortController();
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const readline = createInterface({ input, output: silent, terminal: true, historySize: 0 });
  const end = () => ended.abort();
  readline.once('close', end).once('SIGINT', end); // Ctrl-D; Ctrl-C
  signal?.addEventListener('abort', end);
  try {
    if (signal?.aborted) end();
    else output.write(question);
    return await readline.question('', { signal: ended.signal });
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    signal?.throwIfAborted();
    return undefined;
  } finally {
    signal?.removeEventListener('abort', end);
    readline.close();
    output.write('\n');
  }
}

/**
 * Asks for the PIN on the terminal, without showing it. Says which token wants it, and what the token says about the tries
 * left. Where the token has its own pad, it says so and gives null.
 * @throws TypeError ERR_INVALID_ARG_TYPE. When asked: ERR_CRYPTOKI_PIN_NOT_FOUND without a terminal,
 *   ERR_CRYPTOKI_PIN_CANCELLED when the user enters nothing, or Ctrl-C or Ctrl-D
 */
export function pinFromPrompt(options: PinPromptOptions = {}): PinProvider {
  requireOptions(options, 'the options of pinFromPrompt', ['input', 'output', 'message']);
  const { message = (request) => `${warning(request)}${describe(request)}: ` } = options;
  if (typeof message !== 'function') throw argumentError(TypeError, 'message must be a function');
  for (const [name, method] of [
    ['input', 'on'],
    ['output', 'write'],
  ] as const) {
    const stream = options[name] as Partial<Record<string, unknown>> | undefined;
    if (stream !== undefined && typeof stream?.[method] !== 'function') {
      throw argumentError(TypeError, `${name} must be a stream`);
    }
  }
  return async (request) => {
    const { input = process.stdin, output = process.stderr } = options;
    request.signal?.throwIfAborted();
    if (request.flags.protectedAuthenticationPath) {
      output.write(`${warning(request)}${describe(request)}: enter it on the token's own pad.\n`);
      return null;
    }
    if (!input.isTTY) {
      throw pinError(
        'ERR_CRYPTOKI_PIN_NOT_FOUND',
        'there is no terminal to ask for the PIN on (stdin is no TTY)',
      );
    }
    const before = asking.get(input) ?? Promise.resolve();
    const turn = abortable(before, request.signal).then(() =>
      ask(input, message(request), output, request.signal),
    );
    asking.set(input, Promise.allSettled([before, turn]));
    const pin = await turn;
    if (pin) return pin;
    throw pinError('ERR_CRYPTOKI_PIN_CANCELLED', 'no PIN was entered');
  };
}
