import type { PinProvider, PinRequest } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Ground, gate, MESSAGE, prepare, signer } from './support/ground';

let ground: Ground;
beforeAll(async () => {
  ground = await prepare('provider');
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

/** A provider that returns these PINs in turn and then repeats the last one, and the requests that it received. */
function provider(...pins: string[]): { pin: PinProvider; asked: PinRequest[]; short(): string[] } {
  const asked: PinRequest[] = [];
  const pin = async (request: PinRequest): Promise<string> => {
    asked.push(request);
    await new Promise(setImmediate);
    return (pins.length > 1 ? pins.shift() : pins[0]) ?? '';
  };
  return { pin, asked, short: () => asked.map(({ reason, attempt }) => `${reason} ${attempt}`) };
}

describe('a PIN provider', () => {
  test('receives the token, the user and the reason of the request', async () => {
    const { pin, asked } = provider(ground.test.pin);
    const client = await ground.connect({ pin });
    const { label, serialNumber, model, manufacturer, slot } = client.token;
    expect(asked).toEqual([
      {
        reason: 'login',
        attempt: 1,
        user: 'USER',
        token: { label, serialNumber, model, manufacturer, slot: slot.id },
        flags: { countLow: false, finalTry: false, locked: false, protectedAuthenticationPath: false },
        signal: expect.any(AbortSignal),
      },
    ]);
  });

  test('is called again when the token refuses the PIN, at most three times', async () => {
    const good = provider('10000001', '10000002', ground.test.pin);
    const client = await ground.connect({ pin: good.pin });
    expect(client.user).toBe('USER');
    expect(good.short()).toEqual(['login 1', 'retry 2', 'retry 3']);
    expect(good.asked[1]?.flags.countLow).toBe(true);
    await client.logout();
    await client.close();

    const bad = provider('10000003', '10000004', '10000005', ground.test.pin);
    expect(await failure(ground.connect({ pin: bad.pin }))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(bad.short()).toEqual(['login 1', 'retry 2', 'retry 3']);
  });

  test('that returns the same wrong PIN again costs one try', async () => {
    const { pin, short } = provider('10000006');
    expect(await failure(ground.connect({ pin }))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(short()).toEqual(['login 1', 'retry 2', 'retry 3']);
    expect(ground.calls('C_Login')).toBe(1);
    expect(await failure(ground.connect({ pin }))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED' });
    expect(ground.calls('C_Login')).toBe(1);
  });

  test('that has no other PIN ends the login with the error of the token', async () => {
    const pin: PinProvider = ({ attempt }) => {
      if (attempt > 1) throw new Error('there is no other');
      return '10000007';
    };
    expect(await failure(ground.connect({ pin }))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
  });

  test('has its bytes wiped after use', async () => {
    const given: Buffer[] = [];
    const client = await ground.connect({
      pin: () => {
        given.push(Buffer.from(ground.test.pin));
        return given.at(-1) as Buffer;
      },
    });
    await ground.logOutElsewhere();
    await client.random(1);
    expect(given.map((bytes) => bytes.toString('hex'))).toEqual(['00'.repeat(8), '00'.repeat(8)]);
  });

  test('is called once for 100 operations after a logout elsewhere', async () => {
    const { pin, short } = provider(ground.test.pin);
    const client = await ground.connect({ pin });
    const { privateKey, isRight } = await signer(client, true);
    for (const logOut of [() => ground.logOutElsewhere(), async () => ground.fault.logout()]) {
      await logOut();
      const signatures = await Promise.all(
        Array.from({ length: 100 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)),
      );
      expect(signatures.every((signature) => isRight(signature))).toBe(true);
    }
    expect(short()).toEqual(['login 1', 'relogin 1', 'relogin 1']);
    expect(ground.calls('C_Login')).toBe(3);
    await privateKey.destroy();
  });

  test('that fails at a new login fails the operations, and a later operation calls it again', async () => {
    const broken = new Error('the vault is sealed');
    let isSealed = false;
    let count = 0;
    const client = await ground.connect({
      pin: () => {
        count += 1;
        if (isSealed) throw broken;
        return ground.test.pin;
      },
    });
    isSealed = true;
    await ground.logOutElsewhere();
    const errors = await Promise.all(Array.from({ length: 20 }, () => failure(client.random(1))));
    expect(new Set(errors)).toEqual(new Set([broken]));
    expect(count).toBe(2);
    isSealed = false;
    expect(await client.random(1)).toHaveLength(1);
    expect(client.user).toBe('USER');
  });

  test('receives the signal of login(), which ends the login even if the provider ignores the signal', async () => {
    const client = await ground.connect({ pin: undefined });
    const reason = new Error('the window was closed');
    const late = Buffer.from('40000001');
    for (const listens of [true, false]) {
      const ending = new AbortController();
      const { opened, open } = gate();
      const pin = async ({ signal }: PinRequest): Promise<Buffer> => {
        open();
        await new Promise<void>((resolve, reject) => {
          signal?.addEventListener('abort', () =>
            listens ? reject(signal.reason) : setTimeout(resolve, 20),
          );
        });
        return late;
      };
      const asking = failure(client.login(pin, { signal: ending.signal }));
      await opened;
      ending.abort(reason);
      expect(await asking).toBe(reason);
    }
    await client.login(ground.test.pin);
    expect(client.user).toBe('USER');
    await expect.poll(() => late.every((byte) => byte === 0)).toBe(true); // a PIN that arrives after the abort is wiped
    expect(ground.calls('C_Login')).toBe(1);
  });
});

describe('a key with CKA_ALWAYS_AUTHENTICATE', () => {
  test('requests the PIN for each operation', async () => {
    const { pin, asked } = provider(ground.test.pin);
    const client = await ground.connect({ pin });
    const { privateKey, publicKey } = await client.generateKeyPair('EC', {
      curve: 'P-256',
      label: 'always',
      id: Buffer.from('01', 'hex'),
      privateKey: { alwaysAuthenticate: true },
    });
    for (let i = 0; i < 3; i++) {
      const signature = await privateKey.sign('ECDSA-SHA256', MESSAGE);
      expect(await publicKey.verify('ECDSA-SHA256', MESSAGE, signature)).toBe(true);
    }
    const all = await Promise.all(Array.from({ length: 10 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)));
    expect(all).toHaveLength(10);
    const contextual = asked.slice(1);
    expect(contextual).toHaveLength(13);
    expect(contextual[0]).toMatchObject({
      reason: 'contextSpecific',
      user: 'CONTEXT_SPECIFIC',
      attempt: 1,
      key: { label: 'always', id: Buffer.from('01', 'hex') },
    });
    expect(client.user).toBe('USER');
  });

  test('uses the PIN of connect() when that is a value, and fails without one', async () => {
    const client = await ground.connect();
    const options = { usage: ['decrypt'], privateKey: { alwaysAuthenticate: true } } as const;
    const { privateKey, publicKey } = await client.generateKeyPair('RSA', options);
    const encrypted = await publicKey.encrypt('RSA-PKCS1', MESSAGE);
    expect(await privateKey.decrypt('RSA-PKCS1', encrypted)).toEqual(MESSAGE);
  });

  test('does not send a wrong PIN twice, and the client stays logged in', async () => {
    const { pin } = provider(ground.test.pin, '20000001');
    const client = await ground.connect({ pin });
    const options = { curve: 'P-256', privateKey: { alwaysAuthenticate: true } };
    const { privateKey } = await client.generateKeyPair('EC', options);
    const before = ground.calls('C_Login');
    expect(await failure(privateKey.sign('ECDSA-SHA256', MESSAGE))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
    });
    expect(await failure(privateKey.sign('ECDSA-SHA256', MESSAGE))).toMatchObject({
      code: 'ERR_CRYPTOKI_PIN_REFUSED',
    });
    expect(ground.calls('C_Login')).toBe(before + 1);
    expect(client.user).toBe('USER');
    expect(await client.random(1)).toHaveLength(1);
  });
});
