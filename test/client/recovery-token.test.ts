import { execFile } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Client, type ClientPrivateKey, connect } from 'cryptoki';
import { createSoftToken, FaultModule, type SoftToken } from 'cryptoki/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { expectSessions, Load, noOutcome, signOne } from '../support/load';
import { failure } from '../support/open';

interface MadeKey {
  readonly label: string;
  readonly id: string;
  readonly jwk: JsonWebKey;
}
const PROGRAM = fileURLToPath(new URL('../support/programs/recovery-token.mjs', import.meta.url));
const LABEL = 'payments';

const makeKey = (label: string, id: string): MadeKey => ({
  label,
  id,
  jwk: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
});
const signing = makeKey('signing', '01');
const { d: _, ...publicJwk } = signing.jwk;
const publicKey = createPublicKey({ key: publicJwk, format: 'jwk' });

let soft: SoftToken;
let hsm: FaultModule;
let client: Client;
let key: ClientPrivateKey;

const tokens = (): string => join(soft.directory, 'tokens');
function removeTokens(): void {
  rmSync(tokens(), { recursive: true, force: true });
  mkdirSync(tokens());
}
async function makeTokens(...keys: MadeKey[]): Promise<void> {
  const { module, pin, soPin } = soft;
  const given = JSON.stringify({ module, label: LABEL, pin, soPin, keys });
  const env = { ...process.env, ...soft.environment };
  await promisify(execFile)(process.execPath, [PROGRAM, given], { env, timeout: 20_000 });
}
const sign = (): Promise<Buffer> => key.sign('ECDSA-SHA256', Buffer.from('message'));

async function expectWell(): Promise<void> {
  const outcome = noOutcome();
  const operations = Array.from({ length: 20 }, (_, i) => signOne(outcome, key, publicKey, Buffer.of(i)));
  await Promise.all(operations);
  expect(outcome).toEqual({ valid: 20, invalid: 0, errors: {}, strange: [] });
  await expectSessions(() => hsm.counters().openSessions, client);
}

describe('a token that is deleted while it is in use', () => {
  beforeEach(async () => {
    soft = await createSoftToken({ module: await ensureSoftHSM() });
    removeTokens();
    await makeTokens(signing, makeKey('other', '02'));
    hsm = await FaultModule.create({ module: soft.module, environment: soft.environment });
    client = await connect({ module: hsm.path, token: { label: LABEL } }, { pin: soft.pin });
    key = await client.privateKey({ label: 'signing', id: Buffer.from('01', 'hex') });
    await expectWell();
  });
  afterEach(async () => {
    await client.close();
    const { violations } = hsm;
    await hsm[Symbol.asyncDispose]();
    soft.remove();
    expect(violations).toEqual([]);
  });

  test('and created again with the same keys is found again with its keys under load', async () => {
    const load = new Load(key, publicKey, 8);
    await wait(200);
    removeTokens();
    await wait(200);
    await makeTokens(makeKey('other', '02'), makeKey('signing', '03'), signing);
    const { valid } = load.outcome;
    await expect.poll(() => load.outcome.valid, { timeout: 15_000 }).toBeGreaterThan(valid + 50);
    const outcome = await load.stop();
    expect(outcome).toMatchObject({ invalid: 0, strange: [] });
    await expectWell();
  }, 60_000);

  test('and created again without the key makes the operation report the missing key', async () => {
    removeTokens();
    await makeTokens(makeKey('other', '02'));
    expect(await failure(sign())).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND' });
    expect(await client.random(8)).toHaveLength(8);
  });

  test('and created again beside another key of the same name: the right key is used', async () => {
    removeTokens();
    await makeTokens(makeKey('signing', '01'), signing, makeKey('signing', '01'));
    await expectWell();
  });

  test('and made anew with another key of the same name in its place: it is not taken', async () => {
    removeTokens();
    await makeTokens(makeKey('signing', '01'));
    const error = await failure(sign());
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND' });
    expect(error.message).toContain(
      'label "signing" and id 01; one object has that name, but proved to be another',
    );
    expect(await client.random(8)).toHaveLength(8);
  });

  test('and made anew with two of the key: neither is taken', async () => {
    removeTokens();
    await makeTokens(signing, signing);
    expect(await failure(sign())).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS' });
    expect(await client.random(8)).toHaveLength(8);
  });
});
