import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { Module } from 'cryptoki';
import { CKF } from 'cryptoki/raw';
import { createSoftToken, type SoftTokenOptions } from 'cryptoki/testing';
import { describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { wrong } from '../support/open';

const run = promisify(execFile);
const module = await ensureSoftHSM();

describe('a token for tests', () => {
  test('is initialised with a PIN, and removed afterwards', async () => {
    let directory: string;
    {
      await using token = await createSoftToken({ module, label: 'mine', pin: '4711', soPin: '12345678' });
      directory = token.directory;
      expect(token).toMatchObject({ label: 'mine', pin: '4711', soPin: '12345678' });
      if (process.platform !== 'win32') expect(statSync(directory).mode & 0o77).toBe(0);
      await using opened = await Module.open(token.module);
      const its = await opened.token({ label: 'mine' });
      await using session = await its.openSession();
      await session.login('4711');
      await session.logout();
      const slot = await opened.raw.C_GetSlotInfo(its.slot.id);
      expect(slot.flags & CKF.REMOVABLE_DEVICE).toBe(0);
    }
    expect(existsSync(directory)).toBe(false);
  });

  test('can have others beside it, in removable slots', async () => {
    await using token = await createSoftToken({ module, label: 'one', removable: true });
    await token.addToken('two');
    await using opened = await Module.open(token.module);
    for (const label of ['one', 'two']) {
      const its = await opened.token({ label });
      await using session = await its.openSession();
      await session.login(token.pin);
      expect((await opened.raw.C_GetSlotInfo(its.slot.id)).flags & CKF.REMOVABLE_DEVICE).not.toBe(0);
    }
  });

  test('has a copy of the module, so that two can be open at the same time', async () => {
    await using one = await createSoftToken({ module, label: 'one' });
    await using two = await createSoftToken({ module, label: 'two' });
    one.use();
    await using first = await Module.open(one.module);
    two.use();
    await using second = await Module.open(two.module);
    const labels = async (opened: Module) =>
      (await Promise.all((await opened.tokens()).map((each) => each.info()))).map(({ label }) => label);
    expect(await labels(first)).toContain('one');
    expect(await labels(first)).not.toContain('two');
    expect(await labels(second)).toContain('two');
    expect(await labels(second)).not.toContain('one');
  });

  test('can be used by a child process', async () => {
    await using token = await createSoftToken({ module });
    const code = `
      const { Module } = require('cryptoki');
      Module.open(${JSON.stringify(token.module)})
        .then((module) => module.token({ label: 'test' }))
        .then((token) => token.info())
        .then((info) => console.log(info.label));`;
    const env = { ...process.env, ...token.environment };
    const { stdout } = await run(process.execPath, ['-e', code], { env });
    expect(stdout.trim()).toBe('test');
  });
});

describe('errors', () => {
  test.each<[SoftTokenOptions, string]>([
    [{ module: '/no/such/file.so' }, 'ERR_CRYPTOKI_MODULE_NOT_FOUND'],
    [wrong<SoftTokenOptions>({ modul: 'x' }), 'ERR_INVALID_ARG_VALUE'],
    [{ module, pin: 'x' }, 'CKR_PIN_LEN_RANGE'],
  ])('%j', async (options, code) => {
    await expect(createSoftToken(options)).rejects.toMatchObject({ code });
  });
});
