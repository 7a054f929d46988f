import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CKA, CKF, CKM, CryptokiError, load, type RawModule } from 'cryptoki/raw';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

let its: TestToken;
let raw: RawModule;
let slot: bigint;
let session: bigint;
let key: bigint;

beforeAll(async () => {
  its = await createToken();
  raw = await load(its.module);
  await raw.C_Initialize();
  slot = (await raw.C_GetSlotList(true)).find((id) => raw.C_GetTokenInfoSync(id).label === its.label) ?? 0n;
});
beforeEach(async () => {
  await raw.C_CloseAllSessions(slot);
  session = await raw.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
  await raw.C_Login(session, 1, its.pin);
  key = await raw.C_CreateObject(session, [
    { type: CKA.CLASS, value: 4 },
    { type: CKA.KEY_TYPE, value: 0x10 },
    { type: CKA.VALUE, value: Buffer.alloc(32) },
  ]);
});
afterAll(async () => {
  await raw.C_Finalize();
  its.remove();
});

/** The declared functions by name, with their parameters: '(session: bigint, data: BytesLike)'. */
const declaration = readFileSync(join(import.meta.dirname, '../../lib/generated/calls.ts'), 'utf8');
const FUNCTIONS = [...declaration.matchAll(/^ {2}(C_\w+)\((.*?)\): (.*);$/gm)].map(
  ([, name = '', parameters = '']) => ({
    name,
    isSync: name.endsWith('Sync'),
    types: [...parameters.matchAll(/\w+: ([^,]+(?:<[^>]*>)?)/g)].map(([, type = '']) => type.trim()),
  }),
);

type Method = (...args: unknown[]) => unknown;
const method = (name: string): Method =>
  (raw as unknown as Record<string, Method>)[name]?.bind(raw) as Method;

/** The result of a call, or the error with which it rejects. An asynchronous call that throws fails the test. */
async function outcome(name: string, args: unknown[]): Promise<unknown> {
  if (name.endsWith('Sync')) {
    try {
      return method(name)(...args);
    } catch (error) {
      return error;
    }
  }
  const promise = method(name)(...args);
  expect(promise).toBeInstanceOf(Promise);
  return (promise as Promise<unknown>).catch((error: unknown) => error);
}

/** A value that the declared type accepts. */
function right(type: string): unknown {
  if (type.startsWith('readonly number')) return [CKA.LABEL];
  if (type.startsWith('readonly RawAttribute')) return [{ type: CKA.LABEL, value: 'x' }];
  if (type === 'RawMechanism') return { mechanism: CKM.SHA256_HMAC };
  if (type.includes('BytesLike') || type.startsWith('RawParameter')) return Buffer.alloc(8);
  if (type === 'string') return 'text';
  if (type === 'boolean') return true;
  if (type === 'number') return 1;
  if (type.includes('number')) return 0n;
  return session;
}

/** Values that no parameter of the type accepts. */
function wrongOnes(type: string): unknown[] {
  const never: unknown[] = [undefined, Symbol('x'), () => undefined, Number.NaN];
  const isText = type.includes('string');
  const isBytes = type.includes('BytesLike') || type.startsWith('RawParameter');
  const isBig = type.includes('bigint');
  const isNumber = type.includes('number') && !type.startsWith('readonly');
  if (!type.includes('null')) never.push(null);
  if (!isText) never.push('x');
  if (type !== 'boolean') never.push(true);
  if (!isBytes) never.push(new Uint8Array(4));
  // Small numbers as object handles are covered by a separate test.
  if (!isNumber) never.push(...(isBig ? [] : [5]), 1.5, -1);
  else never.push(-1, 1.5, Number.POSITIVE_INFINITY, 2 ** 53);
  if (!isBig && type !== 'number') never.push(5n);
  else never.push(-1n, 2n ** 64n);
  if (!type.startsWith('readonly')) never.push([]);
  else
    never.push(
      [5n ** 40n],
      ['x'],
      [null],
      [undefined],
      [{}],
      [[]],
      [{ type: 'x', value: 1 }],
      [{ type: -1 }],
    );
  if (type.startsWith('RawParameter')) never.push({}, { structure: 'CK_NOTHING' }, { structure: 5 });
  else if (type !== 'RawMechanism') never.push({});
  else
    never.push(
      {},
      { mechanism: 'RSA' },
      { mechanism: -1 },
      { mechanism: 1, parameter: 'x' },
      { mechanism: 1.5 },
    );
  return never;
}

const isArgumentError = (error: unknown): boolean =>
  (error instanceof TypeError && (error as { code?: string }).code === 'ERR_INVALID_ARG_TYPE') ||
  (error instanceof RangeError && (error as { code?: string }).code === 'ERR_OUT_OF_RANGE');

describe.each(FUNCTIONS.filter(({ types }) => types.length > 0))('$name', ({ name, types }) => {
  test('refuses undefined, null, {}, [], text and a symbol as all arguments', async () => {
    for (const value of [undefined, null, {}, [], 'x', Symbol('x'), Number.NaN, () => undefined]) {
      const error = await outcome(
        name,
        types.map(() => value),
      );
      expect(error).toSatisfy(isArgumentError);
    }
    expect(await outcome(name, [])).toSatisfy(isArgumentError);
  });

  test('names the argument that has a wrong type or range', async () => {
    for (const [index, type] of types.entries()) {
      for (const value of wrongOnes(type)) {
        const args = types.map((other, position) => (position === index ? value : right(other)));
        const error = await outcome(name, args);
        expect(
          error,
          `${name} ${index} ${type} ${typeof value} ${JSON.stringify(value, (_, it) => String(it))}`,
        ).toSatisfy(isArgumentError);
        expect((error as Error).message).toMatch(new RegExp(`^${name.replace('Sync', '')}: "`));
      }
    }
  });

  test.runIf(types[0] === 'bigint')('refuses an unknown session before a call', async () => {
    for (const unknown of [0n, session + 1000n, 2n ** 64n - 1n]) {
      const error = await outcome(name, [unknown, ...types.slice(1).map(right)]);
      expect(error).toBeInstanceOf(CryptokiError);
      expect(error).toMatchObject({ code: 'CKR_SESSION_HANDLE_INVALID', function: name.replace('Sync', '') });
    }
  });
});

// Arguments of the right types in the wrong state: the module must return an error, and the process must not crash.
test('every function returns an error or a result when no operation is active', async () => {
  const skipped = ['C_InitToken', 'C_CloseAllSessions', 'C_Logout', 'C_CloseSession', 'C_WaitForSlotEvent'];
  for (const { name, types } of FUNCTIONS) {
    if (skipped.includes(name.replace('Sync', ''))) continue;
    const args = types.map((type, index) => (index > 0 && type === 'bigint' ? key : right(type)));
    const result = await outcome(name, args);
    if (result instanceof Error) expect(result).toBeInstanceOf(CryptokiError);
  }
  expect(raw.sessionState(session)).toBe(3);
});

describe('operations in one job', () => {
  const hmac = { mechanism: CKM.SHA256_HMAC };
  const bytes = Buffer.alloc(8);
  const calls: [string, (session: unknown) => unknown[]][] = [
    ['sign', (s) => [s, hmac, key, bytes]],
    ['verify', (s) => [s, hmac, key, bytes, bytes]],
    ['digest', (s) => [s, { mechanism: CKM.SHA256 }, bytes]],
    ['encrypt', (s) => [s, hmac, key, bytes]],
    ['decrypt', (s) => [s, hmac, key, bytes]],
    ['signRecover', (s) => [s, hmac, key, bytes]],
    ['verifyRecover', (s) => [s, hmac, key, bytes]],
    ['digestKey', (s) => [s, { mechanism: CKM.SHA256 }, key]],
    ['deriveValue', (s) => [s, hmac, key, [], 16]],
    ['findObjects', (s) => [s, [], [CKA.LABEL], 0]],
  ];
  test.each(calls)('refuse each wrong argument of %s', async (name, args) => {
    for (const form of [name, `${name}Sync`]) {
      const good = args(session);
      for (let index = 0; index < good.length; index++) {
        for (const value of [undefined, null, 'x', {}, Symbol('x'), Number.NaN, -1, -1n]) {
          const all = good.map((it, position) => (position === index ? value : it));
          expect(await outcome(form, all), `${form} ${index} ${String(value)}`).toSatisfy(isArgumentError);
        }
      }
      expect(await outcome(form, args(session + 1000n))).toMatchObject({
        code: 'CKR_SESSION_HANDLE_INVALID',
      });
    }
  });
});

// A double cannot represent all handles. Session handles as numbers are refused by another check.
test('an object handle of type number is refused', async () => {
  const error = await outcome('C_GetObjectSize', [session, Number(key)]);
  expect(error).toSatisfy(isArgumentError);
});

test('a method refuses another receiver', async () => {
  for (const receiver of [undefined, {}, Object.create(raw), Object.getPrototypeOf(raw)]) {
    expect(() => Reflect.apply(raw.C_GetInfoSync, receiver, [])).toThrow(TypeError);
  }
});
