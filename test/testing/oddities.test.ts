import { execFileSync } from 'node:child_process';
import type { Oddity } from 'cryptoki/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileOddityProgram, isUnusable, type OddityProgram } from '../support/oddity-program';

/** Adapts an array for test tables whose titles name the rows. */
const named = (oddity: Oddity | 'no oddity') => (oddity === 'no oddity' ? undefined : oddity);

let program: OddityProgram;
beforeAll(async () => {
  if (!isUnusable) program = await compileOddityProgram();
}, 180_000);
afterAll(async () => {
  await program?.close();
});

describe.skipIf(isUnusable)('oddities of lists', () => {
  // Two slots with tokens: queries their number, then fetches with room for one and for two.
  const slots = (oddity?: Oddity) => program.probe(oddity, 'slots', '-', '1', '2');
  const [asked, refused, fetched] = ['0x0 2 written 0', '0x150 2 written 0', '0x0 2 written 2'];

  test('without an oddity, the length is right and a room that is too small is refused', async () => {
    expect(await slots()).toEqual([asked, refused, fetched]);
  });

  test.each<[Oddity, string[]]>([
    ['size-call-too-small', [refused, refused, fetched]],
    ['size-call-too-small-without-number', ['0x150 77 written 0', refused, fetched]],
    ['size-call-says-too-few', ['0x0 1 written 0', refused, fetched]],
    ['too-small-for-ever', [asked, refused, '0x150 3 written 0']],
    ['count-too-large', [asked, refused, '0x0 5 written 2']],
    ['count-huge', ['0x0 2305843009213693952 written 0', refused, '0x0 2305843009213693952 written 2']],
  ])('%s: the slot list has the described deviation', async (oddity, expected) => {
    expect(await slots(oddity)).toEqual(expected);
  });

  test('size-call-says-too-few: half of the mechanisms are reported', async () => {
    const counts = async (oddity?: Oddity) =>
      (await program.probe(oddity, 'mechanisms', '-', '1000')).map((line) => line.split(' ')[1]).map(Number);
    const [all = 0] = await counts();
    expect(all).toBeGreaterThan(20);
    expect(await counts('size-call-says-too-few')).toEqual([Math.floor(all / 2), all]);
  });

  test('rsa-pkcs-only: other RSA mechanisms are neither listed nor accepted', async () => {
    const head = ['C_GetMechanismList 0x0', 'as many as asked: yes'];
    const there = 'listed, info 0x0, C_SignInit 0x82'; // CKR_OBJECT_HANDLE_INVALID, because the probe passes no key
    const hidden = 'not listed, info 0x70, C_SignInit 0x70';
    const all = [`0x1 ${there}`, `0xd ${there}`, `0x40 ${there}`];
    expect(await program.probe(undefined, 'rsa')).toEqual([...head, ...all]);
    const one = [`0x1 ${there}`, `0xd ${hidden}`, `0x40 ${hidden}`];
    expect(await program.probe('rsa-pkcs-only', 'rsa')).toEqual([...head, ...one]);
  });
});

describe.skipIf(isUnusable)('oddities of searches', () => {
  const one = '0x0 1 written 1 different 1';
  const two = '0x0 2 written 2 different 2';
  const none = '0x0 0 written 0 different 0';

  test('without an oddity, each of two keys is found once', async () => {
    expect(await program.probe(undefined, 'find', '1')).toEqual([one, one, none]);
    expect(await program.probe(undefined, 'find', '10')).toEqual([two, none]);
    expect(await program.probe(undefined, 'find', '10', 'id')).toEqual([one, none]);
    expect(await program.probe(undefined, 'find', '10', 'type')).toEqual([two, none]);
  });

  test.each<[Oddity, string]>([
    ['count-too-large', '13'],
    ['count-huge', '2305843009213693952'],
  ])('%s: the count of found handles is too large', async (oddity, count) => {
    expect(await program.probe(oddity, 'find', '10')).toEqual([`0x0 ${count} written 2 different 2`, none]);
  });

  test('find-same-handle-twice: a handle repeats in one call, or in two calls with room for one', async () => {
    const twice = '0x0 3 written 3 different 2';
    expect(await program.probe('find-same-handle-twice', 'find', '10')).toEqual([twice, none]);
    expect(await program.probe('find-same-handle-twice', 'find', '1')).toEqual([one, one, one, one, none]);
  });

  test('find-never-ends: the last handle comes again and again', async () => {
    expect(await program.probe('find-never-ends', 'find', '10')).toEqual([two, one, one, one, one]);
  });

  test('ignores-id: a key with another identifier is found', async () => {
    expect(await program.probe('ignores-id', 'find', '10', 'id')).toEqual([two, none]);
  });

  test('refuses-key-type: only templates with CKA_KEY_TYPE are refused', async () => {
    expect(await program.probe('refuses-key-type', 'find', '10', 'id')).toEqual([one, none]);
    const refused = ['C_FindObjectsInit 0x12'];
    expect(await program.probe('refuses-key-type', 'find', '10', 'type')).toEqual(refused);
  });
});

describe.skipIf(isUnusable)('oddities of function lists', () => {
  const interfaces = (code: string) => [`C_GetInterfaceList ${code}`, `C_GetInterface ${code}`];

  test('without an oddity, the list has the functions of its version', async () => {
    const [version, reading, ...others] = await program.probe(undefined, 'functions');
    expect([version, ...others]).toEqual(['version 2.40, last function there', ...interfaces('0x0')]);
    expect(reading).toBe('reading on succeeds');
  });

  test.each<[Oddity, string]>([
    ['list-claims-3.2', '3.2'],
    ['list-claims-3.0', '3.0'],
  ])('%s: memory ends after the functions of 2.40', async (oddity, version) => {
    expect(await program.probe(oddity, 'functions')).toEqual([
      `version ${version}, last function there`,
      'reading on faults',
      ...interfaces('0x54'),
    ]);
    // The functions of the list still work.
    expect(await program.probe(oddity, 'random')).toEqual(['C_GenerateRandom 0x0', 'written']);
  });
});

describe.skipIf(isUnusable)('oddities of sessions and login', () => {
  // A read-only session, then a read/write session beside it, then one more after both are closed.
  test.each<[Oddity | 'no oddity', string, string, string]>([
    ['no oddity', '0x0', '0x0', '0x0'],
    ['read-only-refused', '0x6', '0x0', '0x0'],
    ['read-write-refused', '0x0', '0xe2', '0xe2'],
    ['one-session', '0x0', '0xb1', '0x0'],
  ])('%s: only the expected sessions can be opened', async (oddity, first, second, third) => {
    const expected = [`read-only ${first}`, `read/write ${second}`, `after both ${third}`];
    expect(await program.probe(named(oddity), 'sessions')).toEqual(expected);
  });

  test('handles-reused: the next session gets the handle of a closed one', async () => {
    const close = ['C_CloseSession 0x0', 'closed 0xb3'];
    expect(await program.probe(undefined, 'handles')).toEqual([
      'other numbers, the next is another',
      'C_GetSessionInfo 0xb3',
      ...close,
    ]);
    expect(await program.probe('handles-reused', 'handles')).toEqual([
      'from 1, the next is the same',
      'C_GetSessionInfo 0x0',
      ...close,
    ]);
  });

  test.each([
    ['C_CloseSession', []],
    ['C_CloseAllSessions', ['all']],
  ])('login-survives-close: the next session is logged in after %s', async (_function, way) => {
    const run = async (oddity?: Oddity) => (await program.probe(oddity, 'survive', ...way)).slice(2);
    expect(await run()).toEqual(['public', 'C_Logout 0x0', 'public', 'public']);
    // C_Logout ends the login completely.
    expect(await run('login-survives-close')).toEqual(['user', 'C_Logout 0x0', 'public', 'public']);
  });

  test('login-per-session: only the session of a C_Login call is logged in', async () => {
    const isUser = 'user, finds 1, C_EncryptInit 0x0';
    const isPublic = 'public, finds 0, C_EncryptInit 0x101';
    const usual = await program.probe(undefined, 'logins');
    expect(usual.slice(2, 5)).toEqual([`second ${isUser}`, 'wrong PIN 0x100', 'second 0x100']);
    expect(await program.probe('login-per-session', 'logins')).toEqual([
      'first 0x0',
      `first ${isUser}`,
      `second ${isPublic}`,
      'wrong PIN 0xa0',
      'second 0x0',
      `second ${isUser}`,
      'first logs out 0x0',
      `first ${isPublic}`,
      `second ${isUser}`,
      'again 0x101',
      'second logs out 0x0',
    ]);
  });

  test('already-logged-in: the first C_Login returns this error, and the state contradicts it', async () => {
    const wrong = 'wrong PIN 0xa0';
    expect(await program.probe(undefined, 'already')).toEqual([
      wrong,
      'C_Login 0x0',
      'user, private key made',
    ]);
    expect(await program.probe('already-logged-in', 'already')).toEqual([
      wrong,
      'C_Login 0x100',
      'public, private key made',
    ]);
  });

  test('pin-read-to-nul: the length of the PIN is ignored', async () => {
    expect(await program.probe(undefined, 'pin')).toEqual(['more behind it 0x0', 'a NUL behind it 0x100']);
    expect(await program.probe('pin-read-to-nul', 'pin')).toEqual([
      'more behind it 0xa0',
      'a NUL behind it 0x0',
    ]);
  });
});

describe.skipIf(isUnusable)('oddities of the token and of the process', () => {
  const label = (text: string) => Buffer.from(text.padEnd(32)).toString('hex');

  test.each<[Oddity | 'no oddity', string, string]>([
    ['no oddity', 'clear, initialised', 'test'],
    ['token-flags-large', 'set, initialised', 'test'],
    ['token-not-initialised', 'clear, not initialised', 'test'],
    ['label-with-nul', 'clear, initialised', 'test\0junk'],
  ])('%s: flags and label of C_GetTokenInfo', async (oddity, flags, text) => {
    const expected = ['C_GetTokenInfo 0x0', `highest bit ${flags}`, label(text)];
    expect(await program.probe(named(oddity), 'token')).toEqual(expected);
  });

  test('keeps-signal-handlers: the handlers of SIGINT and SIGTERM are replaced', async () => {
    expect(await program.probe(undefined, 'signals')).toEqual(['default', 'default']);
    expect(await program.probe('keeps-signal-handlers', 'signals')).toEqual(['handled', 'handled']);
  });

  test.each<[Oddity, string]>([
    ['exit-handler-hangs', 'SIGTERM'], // the time limit of the test
    ['exit-handler-aborts', 'SIGABRT'],
  ])('%s: when the process ends without C_Finalize', async (oddity, signal) => {
    expect(await program.probe(undefined, 'exit')).toEqual(['']);
    expect((await program.fails(oddity, 'exit')).signal).toBe(signal);
    expect(await program.probe(oddity, 'exit', 'finalise')).toEqual(['']);
  });
});

/** True if the compiler has an address sanitizer with its library. */
function hasAddressSanitizer(): boolean {
  if (isUnusable || process.platform !== 'linux') return false;
  try {
    return execFileSync(process.env.CXX ?? 'c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' })
      .trim()
      .startsWith('/');
  } catch {
    return false;
  }
}

describe.skipIf(!hasAddressSanitizer())('oddities that overrun the memory of the program', () => {
  let sanitized: OddityProgram;
  beforeAll(async () => {
    sanitized = await compileOddityProgram('-fsanitize=address', '-g');
  }, 180_000);
  afterAll(async () => {
    await sanitized?.close();
  });

  test.each<[Oddity, string, string]>([
    ['lengths-ignored', 'label', 'heap-buffer-overflow'],
    ['pin-read-to-nul', 'pin', 'heap-buffer-overflow'],
    ['gcm-iv-from-module', 'iv', 'heap-use-after-free'],
  ])('%s: the address sanitizer of the program detects it', async (oddity, what, report) => {
    await sanitized.probe(undefined, 'overflow', what);
    expect((await sanitized.fails(oddity, 'overflow', what)).errors).toContain(`AddressSanitizer: ${report}`);
  });
});
