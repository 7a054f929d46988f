import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { wrongType } from '../core/argument-errors';
import { requireFunction, requireOptions } from '../core/arguments';
import { until } from '../core/deadlines';
import { pinError } from './error';
import type { PinProvider, PinRequest } from './request';

/** Options of {@link pinFromPrompt}. */
export interface PinPromptOptions {
  /** The terminal for the input; default process.stdin. */
  readonly input?: ReadStream | undefined;
  /** The stream for the question; default process.stderr, because the output of the program may be data. */
  readonly output?: NodeJS.WritableStream | undefined;
  /** Returns the question, in place of the default one. Use {@link printable} for texts of the token. */
  readonly message?: ((request: PinRequest) => string) | undefined;
}

/** Replaces control characters in a text of a token, because they could control the terminal. */
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
  const tokenName = token.label === '' ? label : `"${label}"`;
  const keyName = key?.label ? `"${printable(key.label)}"` : key?.id?.toString('hex');
  const purpose = keyName === undefined ? '' : ` to use key ${keyName}`;
  return `${user === 'SO' ? 'SO PIN' : 'PIN'} of token ${tokenName}${purpose}`;
}

/** The last question on each terminal. The next one waits for its end. */
const lastQuestions = new WeakMap<object, Promise<unknown>>();

async function ask(input: ReadStream, question: string, output: NodeJS.WritableStream, signal?: AbortSignal) {
  const ended = new AbortController();
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const { createInterface } = require('node:readline/promises') as typeof import('node:readline/promises');
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
 * Returns a provider that asks for the PIN on the terminal, without showing it. The question names the token, and warns if few
 * tries are left. If the token has its own PIN pad, the provider writes that to the terminal and returns null.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE. The provider: ERR_CRYPTOKI_PIN_NOT_FOUND without a
 *   terminal, ERR_CRYPTOKI_PIN_CANCELLED when the user enters nothing, Ctrl-C or Ctrl-D
 */
export function pinFromPrompt(options: PinPromptOptions = {}): PinProvider {
  requireOptions(options, 'the options of pinFromPrompt', ['input', 'output', 'message']);
  const { message = (request) => `${warning(request)}${describe(request)}: ` } = options;
  requireFunction(message, 'message');
  for (const [name, method] of [
    ['input', 'on'],
    ['output', 'write'],
  ] as const) {
    const stream = options[name] as Partial<Record<string, unknown>> | undefined;
    if (stream !== undefined && typeof stream?.[method] !== 'function') {
      throw wrongType(name, 'a stream', stream);
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
        'the PIN cannot be asked for, because the input is not a terminal (TTY)',
      );
    }
    const before = lastQuestions.get(input) ?? Promise.resolve();
    const answer = until(before, request.signal).then(() =>
      ask(input, message(request), output, request.signal),
    );
    lastQuestions.set(input, Promise.allSettled([before, answer]));
    const pin = await answer;
    if (pin) return pin;
    throw pinError('ERR_CRYPTOKI_PIN_CANCELLED', 'the user entered no PIN');
  };
}
