import { Module } from 'cryptoki';
import { describe, expect, test } from 'vitest';
import { opencryptoki } from './modules/opencryptoki';
import { describeContract } from './suite';
import { codeOf } from './suite/outcome';

describeContract(opencryptoki);

// openCryptoki is the only one of these modules that reports the tries left. Its third wrong PIN locks the token.
describe.skipIf(opencryptoki.whyNot !== undefined)('the lockout guard on openCryptoki', () => {
  test('does not send a PIN at the last try or after it, unless the caller forces it', async () => {
    const its = await opencryptoki.start();
    try {
      await using module = await Module.open(its.path);
      const token = await module.token(its.selector);
      const session = await token.openSession({ readWrite: true });
      const right = its.pin ?? '';
      const tried = (pin: string, force = false): Promise<unknown> => codeOf(session.login(pin, { force }));
      const flags = async () => (await token.info()).userPin;

      expect([await tried('wrong-1'), await tried('wrong-2')]).toEqual(Array(2).fill('CKR_PIN_INCORRECT'));
      expect(await flags()).toMatchObject({ finalTry: true, locked: false });
      const refused = await Promise.all(['wrong-3', 'wrong-4', right].map((pin) => tried(pin)));
      expect(refused).toEqual(Array(3).fill('ERR_CRYPTOKI_PIN_FINAL_TRY'));
      expect(await codeOf(session.setPin('wrong-3', right))).toBe('ERR_CRYPTOKI_PIN_FINAL_TRY');
      expect(await flags()).toMatchObject({ finalTry: true, locked: false });
      await session.login(right, { force: true });
      await session.logout();
      expect(await flags()).toMatchObject({ countLow: false, finalTry: false, locked: false });

      for (const pin of ['wrong-5', 'wrong-6', 'wrong-7']) {
        expect(await tried(pin, true)).toBe('CKR_PIN_INCORRECT');
      }
      expect(await flags()).toMatchObject({ locked: true });
      await expect(session.login(right)).rejects.toMatchObject({
        code: 'CKR_PIN_LOCKED',
        function: undefined, // the guard refused before a call
        message: expect.stringMatching(/none was sent; the security officer .*initPin/),
      });
      await expect(session.login(right, { force: true })).rejects.toMatchObject({
        code: 'CKR_PIN_LOCKED',
        function: 'C_Login',
      });
      await session.login(its.soPin ?? '', { user: 'SO' });
      await session.initPin(right);
      await session.logout();
      await session.login(right);
      expect(session.state).toBe('RW_USER_FUNCTIONS');
    } finally {
      await its.stop();
    }
  }, 60_000);
});
