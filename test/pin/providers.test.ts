import { execFile, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect, promisify } from 'node:util';
import { parseUri } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  firstPin,
  fixedPin,
  type PinProvider,
  type PinRequest,
  pinFromEnvironment,
  pinFromFile,
  pinFromPrompt,
  pinFromUri,
  printable,
  toPinProvider,
} from '../../lib/pin';
import { pinFromContent } from '../../lib/pin/content';

const root = resolve(import.meta.dirname, '..', '..');
const isPosix = process.platform !== 'win32';
const PIN = '73577357';

const token = { label: 'payments', serialNumber: '1234', model: 'm', manufacturer: 'a', slot: 0n };
const flags = { countLow: false, finalTry: false, locked: false, protectedAuthenticationPath: false };
const request = (more: Partial<PinRequest> = {}): PinRequest => ({
  reason: 'login',
  user: 'USER',
  attempt: 1,
  token,
  flags,
  ...more,
});

/** Calls a provider as the login does: a synchronous exception counts as a rejection. */
const ask = async (provider: PinProvider, more?: Partial<PinRequest>) => provider(request(more));
const asText = async (provider: PinProvider) => Buffer.from((await ask(provider)) as Buffer).toString();

async function refusal(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain(PIN);
  return error as Error;
}

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-pin-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(content: string | Buffer, mode = 0o600): string {
  const path = join(folder, `pin-${files++}`);
  writeFileSync(path, content);
  chmodSync(path, mode); // sets the mode regardless of the umask
  return path;
}

describe('pinFromFile()', () => {
  test.each([
    ['without a newline', '1234'],
    ['with a newline', '1234\n'],
    ['with the newline of Windows', '1234\r\n'],
  ])('reads a file %s', async (_, content) => {
    expect(await ask(pinFromFile(write(content)))).toEqual(Buffer.from('1234'));
  });

  test('keeps blanks and bytes unchanged', async () => {
    const pin = Buffer.from([0x20, 0xff, 0xe9, 0x20]);
    expect(await ask(pinFromFile(write(Buffer.concat([pin, Buffer.from('\n')]))))).toEqual(pin);
  });

  test('reads the file each time, into a buffer of its own', async () => {
    const path = write('1234\n');
    const provider = pinFromFile(path);
    const first = (await ask(provider)) as Buffer;
    expect(first.byteOffset).toBe(0);
    expect(first.buffer.byteLength).toBe(4); // not a slice of Node's buffer pool
    first.fill(0);
    expect(await asText(provider)).toBe('1234');
    writeFileSync(path, '5678\n');
    expect(await asText(provider)).toBe('5678');
  });

  test.runIf(isPosix).each<[string, 'owner' | 'group' | 'anyone' | undefined, boolean]>([
    ['600', undefined, true],
    ['400', undefined, true],
    ['640', undefined, false],
    ['604', undefined, false],
    ['620', undefined, false],
    ['640', 'owner', false],
    ['640', 'group', true],
    ['660', 'group', false],
    ['644', 'group', false],
    ['644', 'anyone', true],
    ['777', 'anyone', true],
  ])('with permissions %s and readableBy %s: %s', async (mode, readableBy, allowed) => {
    const provider = pinFromFile(write(PIN, Number.parseInt(mode, 8)), { readableBy });
    if (allowed) expect(await asText(provider)).toBe(PIN);
    else {
      expect(await refusal(ask(provider))).toMatchObject({
        code: 'ERR_CRYPTOKI_PIN_SOURCE',
        message: expect.stringMatching(/others can read or change .*0\d{3}.*chmod 600/),
      });
    }
  });

  test.runIf(isPosix)('checks the target of a link, and refuses folders and devices', async () => {
    const link = join(folder, 'link');
    symlinkSync(write(PIN, 0o644), link);
    expect(await refusal(ask(pinFromFile(link)))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
    const pipe = join(folder, 'pipe');
    expect(spawnSync('mkfifo', ['-m', '600', pipe]).status).toBe(0);
    for (const path of [folder, pipe, '/dev/null']) {
      const error = await refusal(ask(pinFromFile(path)));
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
      expect(error.message).toMatch(/not a regular file/);
    }
  });

  test.each<[string, string | Buffer, RegExp]>([
    ['nothing', '', /is empty/],
    ['a newline only', '\r\n', /is empty/],
    ['two lines', `${PIN}\nPUK\n`, /more than one line/],
    ['UTF-16', Buffer.from(`\ufeff${PIN}`, 'utf16le'), /not plain text/],
    ['a byte order mark', `\ufeff${PIN}`, /not plain text/],
    ['5000 bytes', PIN.repeat(625), /longer than 4096 bytes/],
  ])('refuses a file with %s', async (_, content, message) => {
    const error = await refusal(ask(pinFromFile(write(content))));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
    expect(error.message).toMatch(message);
  });

  test.each(['1234\n', 'two\nlines', ''])('overwrites its buffer for the content %j', (text) => {
    const content = Buffer.from(text);
    try {
      pinFromContent(content, 'the file');
    } catch {} // same expectation as above
    expect(content).toEqual(Buffer.alloc(text.length));
  });

  test('reports a missing file', async () => {
    const path = join(folder, 'none');
    const error = await refusal(ask(pinFromFile(path)));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_NOT_FOUND' });
    expect(error.message).toContain(path);
  });
});

describe('pinFromEnvironment()', () => {
  const name = 'CRYPTOKI_TEST_PIN';
  test('reads the variable each time', async () => {
    const provider = pinFromEnvironment(name);
    expect(await refusal(ask(provider))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_NOT_FOUND' });
    process.env[name] = '1234';
    expect(await ask(provider)).toBe('1234');
    process.env[name] = '';
    expect(await refusal(ask(provider))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_NOT_FOUND' });
    delete process.env[name];
  });

  test('deletes the variable at once on request, and keeps the PIN for later logins', async () => {
    process.env[name] = PIN;
    const provider = pinFromEnvironment(name, { remove: true });
    expect(name in process.env).toBe(false);
    expect(await ask(provider)).toBe(PIN);
    expect(await ask(provider, { reason: 'relogin' })).toBe(PIN);
    process.env[name] = 'newer';
    expect(await ask(provider)).toBe('newer');
    expect(name in process.env).toBe(false);
    expect(inspect(provider, { depth: null, showHidden: true })).not.toContain('newer');
  });
});

describe('a PIN in place of a provider', () => {
  test.each<[string, string | Uint8Array<ArrayBuffer>]>([
    ['text', PIN],
    ['bytes', Buffer.from(PIN)],
    ['a part of an array', new Uint8Array(Buffer.from(`xx${PIN}xx`)).subarray(2, 2 + PIN.length)],
  ])('as %s is passed to each login once', async (_, pin) => {
    const provider = toPinProvider(pin);
    if (typeof pin !== 'string') pin.fill(0); // the caller may wipe its PIN
    for (const reason of ['login', 'relogin', 'contextSpecific'] as const) {
      const given = await ask(provider, { reason });
      expect(Buffer.from(given as Buffer).toString()).toBe(PIN);
      if (typeof given !== 'string') (given as Buffer).fill(0); // the login wipes its copy, too
      expect(await refusal(ask(provider, { reason: 'retry', attempt: 2 }))).toMatchObject({
        code: 'ERR_CRYPTOKI_PIN_NOT_FOUND',
      });
    }
    expect(inspect(provider, { depth: null, showHidden: true })).not.toContain(PIN);
  });

  test('can be null for a PIN pad, for every login', async () => {
    expect(await ask(toPinProvider(null))).toBe(null);
    expect(await ask(toPinProvider(null), { attempt: 2 })).toBe(null);
  });

  test('can be a provider, which is used unchanged', () => {
    const provider: PinProvider = () => null;
    expect(toPinProvider(provider)).toBe(provider);
  });
});

describe('firstPin()', () => {
  const none = pinFromEnvironment('CRYPTOKI_TEST_NO_PIN');
  test('returns the first PIN that a provider has, including null', async () => {
    expect(await ask(firstPin(none, pinFromFile(join(folder, 'none')), fixedPin('1'), fixedPin('2')))).toBe(
      '1',
    );
    expect(await ask(firstPin(none, fixedPin(null), fixedPin('2')))).toBe(null);
  });

  test('reports for each provider why it has no PIN', async () => {
    const error = await refusal(ask(firstPin(none, pinFromUri(parseUri('pkcs11:')))));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_NOT_FOUND' });
    expect(error.message).toMatch(/CRYPTOKI_TEST_NO_PIN is not set.*; .*neither pin-value nor pin-source/);
  });

  test.runIf(isPosix)('does not skip a provider that fails to read its PIN', async () => {
    const error = await refusal(ask(firstPin(pinFromFile(write(PIN, 0o644)), fixedPin('2'))));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
    const failing = firstPin(() => Promise.reject(new TypeError('mine')), fixedPin('2'));
    await expect(ask(failing)).rejects.toThrow(new TypeError('mine'));
  });
});

describe('pinFromUri()', () => {
  const from = (source: string, options = {}) =>
    pinFromUri(parseUri(`pkcs11:?pin-source=${encodeURIComponent(source)}`), options);

  test('uses pin-value', async () => {
    expect(await ask(pinFromUri(parseUri('pkcs11:token=a?pin-value=12%2634')))).toBe('12&34');
  });

  test('reads the file in pin-source, given as a URI or an absolute path', async () => {
    const path = join(folder, 'p i%n');
    writeFileSync(path, `${PIN}\n`, { mode: 0o600 });
    expect(await asText(from(pathToFileURL(path).href))).toBe(PIN);
    expect(await asText(from(path))).toBe(PIN);
    if (!isPosix) return;
    expect(await asText(from(`file:${write(PIN)}`))).toBe(PIN); // form of RFC 7512
    expect(await asText(from(`file:${write(PIN, 0o644)}`, { readableBy: 'anyone' }))).toBe(PIN);
    expect(await refusal(ask(from(write(PIN, 0o644))))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
  });

  test.each([
    '',
    PIN,
    'pin.txt',
    'file:pin.txt',
    'file://elsewhere.example/pin',
    'file:///%zz',
    'builtin-dialog',
  ])('refuses pin-source=%s at once, without repeating it', async (source) => {
    const error = await refusal((async () => from(source))());
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
    expect(error.message).not.toContain(source || ' file:pin');
  });

  describe.runIf(isPosix)('with a command', () => {
    const command = (script: string) => write(`#!/bin/sh\n${script}\n`, 0o700);
    const run = (path: string) => from(`|${path}`, { allowCommand: true });

    test('runs a command only if an option allows it', async () => {
      const mark = join(folder, 'ran');
      const path = command(`touch '${mark}'; echo ${PIN}`);
      expect(await refusal((async () => from(`|${path}`))())).toMatchObject({
        code: 'ERR_CRYPTOKI_PIN_SOURCE',
      });
      expect(() => readFileSync(mark)).toThrow(/ENOENT/);
      expect(await asText(run(path))).toBe(PIN);
      readFileSync(mark);
    });

    test('runs a command without shell, arguments and input', async () => {
      expect(await asText(run(command('echo "$#"; cat')))).toBe('0');
      const hurt = join(folder, 'hurt');
      expect(await refusal(ask(run(`/bin/echo 1; touch ${hurt}`)))).toMatchObject({
        code: 'ERR_CRYPTOKI_PIN_SOURCE',
      });
      expect(() => readFileSync(hurt)).toThrow(/ENOENT/);
    });

    test.each<[string, string, RegExp]>([
      ['fails', `echo ${PIN}; exit 3`, /exit code 3/],
      ['is killed', `echo ${PIN}; kill -9 $$`, /SIGKILL/],
      ['writes nothing', 'true', /is empty/],
      ['writes two lines', `echo ${PIN}; echo ${PIN}`, /more than one line/],
      ['never ends writing', 'exec 2>/dev/null; yes', /more than 4096 bytes/],
    ])('that %s gives no PIN', async (_, script, message) => {
      const error = await refusal(ask(run(command(script))));
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
      expect(error.message).toMatch(message);
    });

    test('requires an absolute path of a command', async () => {
      for (const path of ['echo', './echo', ' /bin/echo', '']) {
        expect(await refusal((async () => run(path))())).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
      }
    });

    test('ends a command with the signal', async () => {
      const abort = new AbortController();
      const asked = ask(run(command('exec sleep 60')), { signal: abort.signal });
      setTimeout(() => abort.abort(new Error('enough')), 100);
      await expect(asked).rejects.toThrow('enough');
    });
  });
});

test('starts no provider after the signal', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  const source = parseUri('pkcs11:?pin-source=|/bin/echo');
  const providers = [
    pinFromFile(write(PIN)),
    pinFromEnvironment('PATH'),
    pinFromPrompt(),
    pinFromUri(source, { allowCommand: true }),
  ];
  for (const provider of providers) await expect(ask(provider, { signal })).rejects.toThrow('enough');
});

test.each<[string, string, () => unknown]>([
  ['pinFromFile', 'ERR_INVALID_ARG_TYPE', () => pinFromFile(1 as never)],
  ['pinFromFile', 'ERR_INVALID_ARG_VALUE', () => pinFromFile('')],
  ['pinFromFile', 'ERR_INVALID_ARG_VALUE', () => pinFromFile('/a', { readableBy: 'toString' as never })],
  ['pinFromFile', 'ERR_INVALID_ARG_VALUE', () => pinFromFile('/a', { allow: true } as never)],
  ['pinFromEnvironment', 'ERR_INVALID_ARG_VALUE', () => pinFromEnvironment('')],
  ['pinFromEnvironment', 'ERR_INVALID_ARG_TYPE', () => pinFromEnvironment('A', { remove: 1 as never })],
  ['pinFromPrompt', 'ERR_INVALID_ARG_TYPE', () => pinFromPrompt({ message: 'PIN' as never })],
  ['pinFromUri', 'ERR_INVALID_ARG_TYPE', () => pinFromUri('pkcs11:' as never)],
  ['pinFromUri', 'ERR_INVALID_ARG_TYPE', () => pinFromUri({}, { allowCommand: 1 as never })],
  ['firstPin', 'ERR_INVALID_ARG_VALUE', () => firstPin()],
  ['firstPin', 'ERR_INVALID_ARG_TYPE', () => firstPin('1234' as never)],
  ['toPinProvider', 'ERR_INVALID_ARG_TYPE', () => toPinProvider(1234 as never)],
  ['toPinProvider', 'ERR_INVALID_ARG_TYPE', () => toPinProvider(undefined as never)],
])('%s refuses a wrong argument with %s', (_, code, call) => {
  expect(call).toThrow(expect.objectContaining({ name: 'TypeError', code }));
});

/** Runs a program on a terminal. For each pair it waits for a text and then types. Prints everything that the terminal showed. */
const TERMINAL = `
import json, os, pty, select, sys, time
steps, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, seen, end = b'', 0, time.time() + 20
while time.time() < end:
    if steps and steps[0][0].encode() in shown[seen:]:
        seen = shown.index(steps[0][0].encode(), seen) + len(steps[0][0].encode())
        os.write(terminal, steps.pop(0)[1].encode())
    if not select.select([terminal], [], [], 0.05)[0]:
        continue
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
sys.stdout.buffer.write(shown)
sys.exit(1 if steps else os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
const hasTerminal = isPosix && spawnSync('python3', ['-c', 'import pty']).status === 0;

describe.runIf(hasTerminal)('pinFromPrompt() on a terminal', () => {
  /** The result or error of the provider for each request, and everything that the terminal showed. */
  async function prompt(steps: [wait: string, type: string][], ...requests: Partial<PinRequest>[]) {
    const number = files++;
    const program = join(folder, `prompt-${number}.cjs`);
    const result = join(folder, `result-${number}`);
    const plain = requests.map((more) => request({ token: { ...token, slot: 0 as never }, ...more }));
    writeFileSync(
      program,
      `const { pinFromPrompt } = require(${JSON.stringify(join(root, 'dist', 'pin', 'index.js'))});
       const ask = pinFromPrompt();
       const requests = ${JSON.stringify(plain)};
       for (const one of requests) if (one.key?.id) one.key.id = Buffer.from(one.key.id);
       for (const one of requests) if (one.signal) one.signal = AbortSignal.timeout(300);
       const caught = ({ name, code }) => (process.stdout.write('[' + name + ']'), { name, code });
       Promise.all(requests.map((one) => ask(one).catch(caught))).then((all) => {
         require('node:fs').writeFileSync(${JSON.stringify(result)}, JSON.stringify(all));
       });`,
    );
    const { stdout } = await promisify(execFile)('python3', [
      '-c',
      TERMINAL,
      JSON.stringify(steps),
      process.execPath,
      program,
    ]);
    return { given: JSON.parse(readFileSync(result, 'utf8')) as unknown[], shown: stdout };
  }

  test('asks for the PIN of the token, does not echo it, and lets the program end', async () => {
    const { given, shown } = await prompt([['PIN of token "payments": ', `${PIN}\r`]], {});
    expect(given).toEqual([PIN]);
    expect(shown).toBe('PIN of token "payments": \r\n');
  });

  test('accepts corrections, blanks and text beyond ASCII', async () => {
    const { given } = await prompt([[': ', 'wrong\x15 5é\u{1f511}x\x7f9\r']], {});
    expect(given).toEqual([' 5é\u{1f511}9']);
  });

  test('names the purpose of the login and the tries left', async () => {
    const requests: [Partial<PinRequest>, question: string][] = [
      [{ user: 'SO' }, 'SO PIN of token "payments": '],
      [
        { reason: 'contextSpecific', user: 'CONTEXT_SPECIFIC', key: { label: 'signing' } },
        'PIN of token "payments" to use key "signing": ',
      ],
      [{ key: { id: Buffer.from([1, 0xab]) } }, 'PIN of token "payments" to use key 01ab: '],
      [
        { attempt: 2, flags: { ...flags, countLow: true } },
        'The token refused the PIN.\r\nFew tries are left: wrong PINs were entered before.\r\nPIN of token "payments": ',
      ],
      [
        { flags: { ...flags, countLow: true, finalTry: true } },
        'One try is left: a wrong PIN locks the token.\r\nPIN of token "payments": ',
      ],
      [{ flags: { ...flags, locked: true } }, 'The PIN is locked.\r\nPIN of token "payments": '],
      [{ token: { ...token, label: '', slot: 0 as never } }, 'PIN of token with serial number 1234: '],
    ];
    const steps = requests.map(([, question], index): [string, string] => [question, `${index}\r`]);
    const { given, shown } = await prompt(steps, ...requests.map(([more]) => more));
    expect(shown).toBe(requests.map(([, question]) => `${question}\r\n`).join(''));
    expect(given).toEqual(requests.map((_, index) => String(index)));
  });

  test('removes control characters from the label of a token', async () => {
    const label = `\x1b[2Jbank\n\u202e\x9b`;
    const { shown } = await prompt([[': ', '1\r']], { token: { ...token, label, slot: 0 as never } });
    expect(shown).toContain('PIN of token "?[2Jbank???": ');
    expect(printable(label)).toBe('?[2Jbank???');
  });

  test('returns null for a token with a PIN pad, with a message', async () => {
    const pad = { ...flags, protectedAuthenticationPath: true };
    const { given, shown } = await prompt([], { flags: pad });
    expect(given).toEqual([null]);
    expect(shown).toContain(`PIN of token "payments": enter it on the token's own pad.`);
  });

  test.each([
    ['nothing', '\r'],
    ['Ctrl-C', '12\x03'],
    ['Ctrl-D', '\x04'],
  ])('is cancelled by %s', async (_, typed) => {
    expect((await prompt([[': ', typed]], {})).given).toEqual([
      { name: 'CryptokiError', code: 'ERR_CRYPTOKI_PIN_CANCELLED' },
    ]);
  });

  test('asks one question at a time', async () => {
    const other = { token: { ...token, label: 'archive', slot: 0 as never } };
    const steps: [string, string][] = [
      ['"payments": ', '1\r'],
      ['"archive": ', '2\r'],
    ];
    const { given, shown } = await prompt(steps, {}, other);
    expect(given).toEqual(['1', '2']);
    expect(shown).toBe('PIN of token "payments": \r\nPIN of token "archive": \r\n');
  });

  test('ends with the signal, also while it waits for another question, which continues', async () => {
    const signal = AbortSignal.abort(); // created again in the program
    const on = (label: string) => ({ token: { ...token, label, slot: 0 as never } });
    const ended = { name: 'TimeoutError', code: 23 };
    const asked = await prompt([['"b": ', '2\r']], { ...on('a'), signal }, on('b'));
    expect(asked.given).toEqual([ended, '2']);
    const steps: [string, string][] = [
      ['"a": ', ''],
      ['[TimeoutError]', '1\r'],
      ['"c": ', '3\r'],
    ];
    const waiting = await prompt(steps, on('a'), { ...on('b'), signal }, on('c'));
    expect(waiting.given).toEqual(['1', ended, '3']);
    expect(waiting.shown).not.toContain('"b"');
  });
});

test('pinFromPrompt() reports a missing terminal', async () => {
  const program = `const { pinFromPrompt } = require(${JSON.stringify(join(root, 'dist', 'pin', 'index.js'))});
    pinFromPrompt()({ token: {}, flags: {}, attempt: 1 }).catch(({ code, message }) => console.log(code, message));`;
  const child = spawnSync(process.execPath, ['-e', program], { input: PIN, encoding: 'utf8' });
  expect(child.stdout).toMatch(/^ERR_CRYPTOKI_PIN_NOT_FOUND .*the input is not a terminal/);
  expect(child.stderr).toBe('');
});

describe('pinFromKeyring()', () => {
  const program = (dist: string) => `
    const { pinFromKeyring } = require(${JSON.stringify(join(dist, 'pin', 'index.js'))});
    const ask = (more, serialNumber = 'serial-${process.pid}') =>
      pinFromKeyring({ service: 'cryptoki test', ...more })({ token: { serialNumber } })
        .catch(({ code, message }) => ({ code, message }));`;

  test('names the npm package if it is missing', () => {
    const alone = join(folder, 'dist'); // outside any node_modules folder
    cpSync(join(root, 'dist'), alone, { recursive: true });
    const script = `${program(alone)} ask().then((error) => console.log(JSON.stringify(error)));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: folder });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      code: 'ERR_CRYPTOKI_PEER_MISSING',
      message: expect.stringContaining('npm install @napi-rs/keyring'),
    });
  });

  const has = (command: string) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
  const hasKeyring =
    process.platform === 'linux' &&
    has('dbus-run-session') &&
    has('gnome-keyring-daemon') &&
    canLoad('@napi-rs/keyring');

  test.runIf(hasKeyring)('reads a real keyring by account or serial number', () => {
    const secret = String(randomInt(1e9));
    const script = `${program(join(root, 'dist'))}
      const { Entry } = require(${JSON.stringify(join(root, 'node_modules', '@napi-rs/keyring'))});
      (async () => {
        const results = [await ask(), await ask({}, '')];
        new Entry('cryptoki test', 'serial-${process.pid}').setPassword('${secret}');
        new Entry('cryptoki test', 'someone').setPassword('é ${secret}');
        console.log(JSON.stringify([...results, await ask(), await ask({ account: 'someone' })]));
      })();`;
    const session = `printf x | gnome-keyring-daemon --unlock --components=secrets > /dev/null; exec "$0" -e "$1"`;
    const { stdout } = spawnSync('dbus-run-session', ['--', 'sh', '-c', session, process.execPath, script], {
      encoding: 'utf8',
      env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, XDG_DATA_HOME: folder },
      timeout: 20_000,
    });
    expect(JSON.parse(stdout)).toEqual([
      { code: 'ERR_CRYPTOKI_PIN_NOT_FOUND', message: expect.stringContaining(`serial-${process.pid}`) },
      { code: 'ERR_CRYPTOKI_PIN_SOURCE', message: expect.stringMatching(/no serial number.*account/) },
      secret,
      `é ${secret}`,
    ]);
  });
});

function canLoad(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
