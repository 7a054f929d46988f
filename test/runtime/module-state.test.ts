/** The states of sessions and logins in this process must match the module, whatever calls overlap. */
import { Module, type Session, type Token } from 'cryptoki';
import { CKS, CKU } from 'cryptoki/raw';
import { createSoftToken, FaultModule, type SoftToken } from 'cryptoki/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';

let soft: SoftToken;
let hsm: FaultModule;
let module: Module;
let token: Token;
beforeAll(async () => {
  soft = await createSoftToken({ module: await ensureSoftHSM() });
  hsm = await FaultModule.create({ module: soft.module, environment: soft.environment });
  module = await Module.open(hsm.path);
  token = await module.token({ label: soft.label });
});
afterAll(async () => {
  hsm.clear();
  await module.close();
  await hsm[Symbol.asyncDispose]();
  soft.remove();
});

const closeAll = () => module.raw.C_CloseAllSessions(token.slot.id);
/** The state that the session has and the state that the module reports. */
async function states(session: Session): Promise<[string, string]> {
  const known = session.state;
  return [known, (await session.info()).state];
}

describe('a session that is opened while the last one is closed', () => {
  test.each([
    ['C_OpenSession', { delay: 6 }],
    ['C_OpenSession', { delayAfter: 6 }],
    ['C_CloseSession', { delay: 6 }],
    ['C_CloseSession', { delayAfter: 6 }],
    [['C_OpenSession', 'C_CloseSession'], { delay: 3, delayAfter: 3 }],
  ] as const)('has the state that the module reports (%j, %j)', async (functions, delays) => {
    hsm.plan([{ function: functions, ...delays }]);
    for (let i = 0; i < 20; i++) {
      await closeAll();
      const first = await token.openSession();
      await first.login(soft.pin);
      const [, second] = await Promise.all([first.close(), token.openSession()]);
      const [known, said] = await states(second);
      expect(known).toBe(said);
    }
    hsm.clear();
  });
});

describe('a login that overlaps a logout', () => {
  test.each([
    ['C_Login', { delay: 4 }],
    ['C_Login', { delayAfter: 4 }],
    ['C_Logout', { delay: 4 }],
    ['C_Logout', { delayAfter: 4 }],
  ] as const)('leaves the state that the module reports (%s, %j)', async (name, delays) => {
    await closeAll();
    const [one, other] = [await token.openSession(), await token.openSession()];
    hsm.plan([{ function: name, ...delays }]);
    for (let i = 0; i < 40; i++) {
      await Promise.allSettled([one.login(soft.pin), other.logout(), one.login(soft.pin)]);
      const [known, said] = await states(other);
      expect(known).toBe(said);
      expect(token.user === undefined).toBe(said === 'RO_PUBLIC_SESSION');
      if (i % 2 === 0) await other.logout();
    }
    hsm.clear();
    await closeAll();
  });

  test('at a PIN pad does not delay other calls, and the state is right after it', async () => {
    await closeAll();
    const raw = module.raw;
    const [pad, other, third] = [
      await raw.C_OpenSession(token.slot.id, 4),
      await raw.C_OpenSession(token.slot.id, 4),
      await raw.C_OpenSession(token.slot.id, 4),
    ];
    // SoftHSM2 has no pad, so the plan answers this call while another session logs in.
    hsm.plan([{ function: 'C_Login', handle: pad, hang: true, return: 'CKR_OK' }]);
    const atPad = raw.C_Login(pad, CKU.USER, null);
    await hsm.until(({ hanging }) => hanging === 1);
    await raw.C_Login(other, CKU.USER, soft.pin);
    expect(raw.sessionState(third)).toBe(CKS.RO_USER_FUNCTIONS);
    await raw.C_Logout(other);
    expect(raw.sessionState(third)).toBe(CKS.RO_PUBLIC_SESSION);
    hsm.release();
    await atPad;
    // The module itself has no login: the package asked for the state, because another login and logout came in between.
    expect(raw.sessionState(third)).toBe(CKS.RO_PUBLIC_SESSION);
    hsm.clear();
    await closeAll();
  });
});

describe('a call that hangs', () => {
  test('that closes a session does not prevent opening and closing others', async () => {
    await closeAll();
    const hanging = await token.openSession();
    hsm.plan([{ function: 'C_CloseSession', handle: hanging.handle, hang: true }]);
    const closing = hanging.close();
    await hsm.until(({ hanging: now }) => now === 1);
    const before = performance.now();
    for (let i = 0; i < 5; i++) {
      const session = await token.openSession();
      await session.close();
    }
    expect(performance.now() - before).toBeLessThan(8000); // only the first one waits for a while
    hsm.release();
    await closing;
    hsm.clear();
    const last = await token.openSession();
    const [known, said] = await states(last);
    expect(known).toBe(said);
    await last.close();
  }, 20_000);
});

describe('sessions of a module that reuses handles', () => {
  test('are never confused', async () => {
    await closeAll();
    hsm.plan([{ function: 'C_OpenSession', oddity: 'handles-reused' }]);
    let both = 0;
    for (let i = 0; i < 200; i++) {
      const [one, , other] = await Promise.all([token.openSession(), closeAll(), token.openSession()]);
      if (one.closed || other.closed) continue;
      both += 1;
      expect(one.handle).not.toBe(other.handle);
    }
    expect(both).toBeLessThan(200);
    await closeAll();
    const gone = await token.openSession();
    await closeAll();
    const fresh = await token.openSession();
    expect([fresh.handle, gone.closed, gone.state]).toEqual([gone.handle, true, 'CLOSED']);
    await expect(gone.random(8)).rejects.toMatchObject({ code: expect.stringMatching(/SESSION/) });
    await expect(module.raw.C_GenerateRandom(gone.name, 8)).rejects.toMatchObject({
      code: 'CKR_SESSION_HANDLE_INVALID',
    });
    expect(await module.raw.C_GenerateRandom(fresh.handle, 8)).toHaveLength(8);
    hsm.clear();
  });
});

test('a session handle is a bigint of at most 64 bits', async () => {
  await expect(module.raw.C_GetSessionInfo(1n << 64n)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  await expect(module.raw.C_GetSessionInfo(1n << 192n)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
});
