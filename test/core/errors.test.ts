import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as model from 'cryptoki';
import { CryptokiError, isCode, Module } from 'cryptoki';
import * as raw from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { createToken, type TestToken } from '../support/token';

let its: TestToken;
beforeAll(async () => {
  its = await createToken();
});
afterAll(() => its.remove());

const ACTIONS = ['retry', 'reopen', 'relogin', 'refind', 'reinitialise', 'fatal'];

describe('a CryptokiError', () => {
  test('of a module states the result, the function and the remedy', async () => {
    await using module = await Module.open(its.module);
    await using session = await (await module.token({ label: its.label })).openSession();
    const error = await failure(session.login('wrong'));
    expect(error).toBeInstanceOf(CryptokiError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'CryptokiError',
      code: 'CKR_PIN_INCORRECT',
      rv: 0xa0,
      function: 'C_Login',
      action: 'fatal',
    });
    expect(error.message).toMatch(/^C_Login: CKR_PIN_INCORRECT: .+\. .+\.$/);
    expect(error.stack).toContain('C_Login: CKR_PIN_INCORRECT');
  });

  test('never contains the PIN', async () => {
    await using module = await Module.open(its.module);
    await using session = await (await module.token({ label: its.label })).openSession({ readWrite: true });
    const pin = 'S3CR3T-9';
    for (const form of [pin, Buffer.from(pin)]) {
      for (const call of [
        () => session.login(form),
        () => session.login(form, { user: 'SO' }),
        () => module.raw.C_SetPIN(session.handle, form, form),
        () => module.raw.C_InitPIN(session.handle, form),
        () => module.raw.C_LoginSync(session.handle, 1, form),
        () => module.raw.C_Login(session.handle + 999n, 1, form),
        () => module.raw.C_Login(session.handle, -1, form),
        () => module.raw.C_InitToken(987654321, form, 'label'),
      ]) {
        const error = await failure(call);
        const all = [
          error.message,
          String(error.stack),
          JSON.stringify(error),
          inspect(error, { depth: 9, showHidden: true }),
        ];
        expect(all.join('\n')).not.toContain(pin);
        expect(all.join('\n')).not.toContain(Buffer.from(pin).toString('hex'));
      }
    }
  });

  test.each([
    [0x80000001, 'CKR_VENDOR_DEFINED|0x80000001'],
    [0x80000001n, 'CKR_VENDOR_DEFINED|0x80000001'],
    [0x80000000, 'CKR_VENDOR_DEFINED|0x80000000'],
    [0xce534351, 'CKR_VENDOR_DEFINED|0xCE534351'],
    [0xffffffffffffffffn, 'CKR_VENDOR_DEFINED|0xFFFFFFFFFFFFFFFF'],
    [0x7fffffff, '0x7FFFFFFF'],
    [0x4, '0x00000004'],
  ])('for the return value %o has the code %s', (rv, code) => {
    const error = new CryptokiError({ rv, function: 'C_Sign' });
    expect(error).toMatchObject({ code, rv, function: 'C_Sign', action: 'fatal' });
    expect(error.message).toContain(code);
  });

  test('of the package itself has its own code and no return value', () => {
    const cause = new Error('inner');
    const error = new CryptokiError({
      code: 'ERR_CRYPTOKI_OBJECT_DEAD',
      detail: 'it is gone',
      action: 'refind',
      cause,
    });
    expect(error).toMatchObject({
      code: 'ERR_CRYPTOKI_OBJECT_DEAD',
      rv: undefined,
      function: undefined,
      action: 'refind',
    });
    expect(error.message).toContain('it is gone');
    expect(error.cause).toBe(cause);
    expect('cause' in new CryptokiError({ rv: 5 })).toBe(false);
  });

  test('is recognised by isCode', () => {
    const error = new CryptokiError({ rv: 0xa0, function: 'C_Login' });
    expect(isCode(error, 'CKR_PIN_INCORRECT')).toBe(true);
    expect(isCode(error, 'CKR_PIN_LOCKED', 'CKR_PIN_INCORRECT')).toBe(true);
    expect(isCode(error, 'CKR_PIN_LOCKED')).toBe(false);
    expect(isCode(error)).toBe(false);
    for (const other of [
      undefined,
      null,
      'CKR_PIN_INCORRECT',
      { code: 'CKR_PIN_INCORRECT' },
      new Error('x'),
    ]) {
      expect(isCode(other, 'CKR_PIN_INCORRECT')).toBe(false);
    }
  });
});

describe('return values', () => {
  test('of PKCS#11 all have a meaning, an advice and an action', () => {
    for (const [name, rv] of Object.entries(raw.CKR)) {
      if (rv === 0 || name === 'VENDOR_DEFINED') continue;
      const error = new CryptokiError({ rv, function: 'C_X' });
      expect(error.code).toMatch(/^CKR_/);
      expect(raw.CKR[error.code.slice(4) as keyof typeof raw.CKR]).toBe(rv);
      expect(ACTIONS).toContain(error.action);
      expect(error.message).toMatch(/^C_X: CKR_\w+: .{10,}\. .{10,}\.$/s);
    }
  });

  test('of the specification are all listed in spec/errors.json', () => {
    const text = readFileSync(join(import.meta.dirname, '../../spec/errors.json'), 'utf8');
    for (const name of Object.keys(raw.CKR)) expect(text).toContain(`CKR_${name}"`);
  });
});

describe('import and require', () => {
  const require = createRequire(import.meta.url);

  test('load the same classes', () => {
    const required = require('cryptoki') as typeof model;
    const requiredRaw = require('cryptoki/raw') as typeof raw;
    expect(Object.keys(required).sort()).toEqual(Object.keys(model).sort());
    for (const [name, value] of Object.entries(model)) expect(Reflect.get(required, name)).toBe(value);
    for (const [name, value] of Object.entries(raw)) expect(Reflect.get(requiredRaw, name)).toBe(value);
    expect(raw.CryptokiError).toBe(model.CryptokiError);
  });

  test("return errors that are instances of each other's classes", async () => {
    const required = require('cryptoki') as typeof model;
    expect(await failure(Module.open('/no/such/module'))).toBeInstanceOf(required.CryptokiError);
    expect(await failure(required.Module.open('/no/such/module'))).toBeInstanceOf(CryptokiError);
    expect(await failure((require('cryptoki/raw') as typeof raw).load('/no/such/module'))).toBeInstanceOf(
      CryptokiError,
    );
  });
});
