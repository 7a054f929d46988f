import { Module, type Session, type Token } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Reader, startReader, whyNoPinPad } from '../support/reader';

const PIN = '123456';

describe.skipIf(whyNoPinPad !== undefined)(
  `a reader with a PIN pad (${whyNoPinPad ?? 'OpenSC, vpcd'})`,
  () => {
    let reader: Reader;
    let module: Module;
    let token: Token;
    let session: Session;

    beforeAll(async () => {
      reader = await startReader({ pinPad: true });
      await reader.card.insert();
      module = await Module.open(reader.module);
      token = await module.token();
    });
    beforeEach(async () => {
      session = await token.openSession();
    });
    afterEach(async () => {
      await session.close();
      await reader.card.setPin(PIN);
    });
    afterAll(async () => {
      await module?.close();
      await reader?.stop();
    });

    /** Enters a PIN once the pad waits for one. */
    const type = (pin: string) => expect.poll(() => reader.card.type(pin), { timeout: 10_000 }).toBe(true);

    test('reports a protected authentication path', async () => {
      expect(await token.info()).toMatchObject({ protectedAuthenticationPath: true });
    });

    test('logs in with a PIN that is entered on the pad and that the program never sees', async () => {
      const login = session.login(null);
      await type(PIN);
      await login;
      expect(session.state).toBe('RO_USER_FUNCTIONS');
      const key = await session.privateKey({ id: Buffer.of(1) });
      await expect(key.sign('ECDSA-SHA256', Buffer.from('a message'))).resolves.toHaveLength(64);
    });

    test('decrements the tries after a wrong PIN', async () => {
      const login = failure(session.login(null));
      await type('999999');
      expect(await login).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
      expect((await reader.card.state()).pinTries).toBe(2);
      expect(session.state).toBe('RO_PUBLIC_SESSION');
    });

    test.each(['cancel', 'timeout'])('fails the login when the entry of the PIN ends by %s', async (how) => {
      const login = failure(session.login(null));
      await type(how);
      expect(await login).toMatchObject({ code: 'CKR_FUNCTION_CANCELED' });
      expect((await reader.card.state()).pinTries).toBe(3);
    });
  },
);
