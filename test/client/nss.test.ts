import { type Client, connect } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, openNss, whyNoNss } from '../support/nss';
import { hold, MESSAGE, signer } from './support/ground';

describe.skipIf(whyNoNss !== undefined)('a client on NSS, which has the interface of PKCS#11 3.0', () => {
  let nss: Nss;
  let client: Client;
  beforeAll(async () => {
    nss = await openNss();
    client = await connect(
      { module: nss.module.path, token: { slot: 2 } },
      { pin: '1234', sessions: { max: 6 } },
    );
  });
  afterAll(async () => {
    await client?.close();
    await nss?.close();
  });
  /** Session count as the token reports it, without the session of openNss. */
  const sessions = async (): Promise<number> => ((await client.token.info()).sessions ?? Number.NaN) - 1;

  test('counts its sessions as the token does', async () => {
    const { privateKey, isRight } = await signer(client);
    const signatures = await Promise.all(
      Array.from({ length: 200 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)),
    );
    expect(signatures.every((signature) => isRight(signature))).toBe(true);
    expect(await sessions()).toBe(client.statistics().open + 1);
    const held = await Promise.all(Array.from({ length: 6 }, () => hold(client)));
    expect(client.statistics()).toMatchObject({ open: 6, lent: 6 });
    expect(await sessions()).toBe(7);
    for (const { session, back } of held) {
      await session.close();
      await back();
    }
    expect(await sessions()).toBe(client.statistics().open + 1);
  });

  test('logs in again after a logout elsewhere, and finds its key again', async () => {
    const { privateKey, isRight } = await signer(client, true);
    await nss.session.logout();
    expect(client.user).toBeUndefined();
    const signatures = await Promise.all(
      Array.from({ length: 50 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)),
    );
    expect(signatures.every((signature) => isRight(signature))).toBe(true);
    expect(client.user).toBe('USER');
    await privateKey.destroy();
  });

  test('leaves no session open after secureLogout()', async () => {
    await client.random(1);
    await client.secureLogout();
    expect(await sessions()).toBe(0);
    await client.login('1234');
    expect(await client.random(1)).toHaveLength(1);
  });
});
