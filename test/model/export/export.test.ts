import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { PublicKey, Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

const imported = (key: KeyObject, label = ''): Promise<PublicKey> =>
  session.importKey(key, { class: 'PUBLIC_KEY', label });

/** Reads the strings of an SSH key (RFC 4251). */
function sshStrings(line: string): Buffer[] {
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  const strings: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    const length = blob.readUInt32BE(at);
    strings.push(blob.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

describe('PublicKey.export()', () => {
  const kinds = {
    RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
    'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
    'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey,
    Ed25519: generateKeyPairSync('ed25519').publicKey,
    Ed448: generateKeyPairSync('ed448').publicKey,
  };

  test.each(Object.entries(kinds))('returns PEM, DER and JWK of node:crypto for %s', async (_name, key) => {
    const onToken = await imported(key);
    expect(await onToken.export('pem')).toBe(key.export({ type: 'spki', format: 'pem' }));
    expect(await onToken.export('der')).toEqual(key.export({ type: 'spki', format: 'der' }));
    expect(await onToken.export('jwk')).toEqual(key.export({ format: 'jwk' }));
    await onToken.destroy();
  });

  test('returns the line of OpenSSH for RSA', async () => {
    const line = await (await imported(kinds.RSA, 'ada@example')).export('ssh');
    expect(line).toMatch(/^ssh-rsa [A-Za-z0-9+/=]+ ada@example$/);
    const [name, e, n] = sshStrings(line) as [Buffer, Buffer, Buffer];
    expect(name.toString()).toBe('ssh-rsa');
    expect(n[0]).toBe(0); // the first bit of the modulus is set, and the number is positive
    const jwk = { kty: 'RSA', e: e.toString('base64url'), n: n.subarray(1).toString('base64url') };
    expect(createPublicKey({ key: jwk, format: 'jwk' }).equals(kinds.RSA)).toBe(true);
  });

  test('returns the line of OpenSSH for P-256, Ed25519 and Ed448', async () => {
    const raw = (key: KeyObject, length: number) =>
      key.export({ type: 'spki', format: 'der' }).subarray(-length);
    expect(sshStrings(await (await imported(kinds['P-256'])).export('ssh'))).toEqual([
      ...[Buffer.from('ecdsa-sha2-nistp256'), Buffer.from('nistp256'), raw(kinds['P-256'], 65)],
    ]);
    expect(sshStrings(await (await imported(kinds.Ed25519)).export('ssh'))).toEqual([
      ...[Buffer.from('ssh-ed25519'), raw(kinds.Ed25519, 32)],
    ]);
    expect(sshStrings(await (await imported(kinds.Ed448)).export('ssh'))).toEqual([
      ...[Buffer.from('ssh-ed448'), raw(kinds.Ed448, 57)],
    ]);
  });

  test('a label with a line break does not begin another line of authorized_keys', async () => {
    const line = await (await imported(kinds.Ed25519, 'a\nssh-rsa AAAA evil')).export('ssh');
    expect(line.split('\n')).toHaveLength(1);
    expect(line).toMatch(/ a ssh-rsa AAAA evil$/);
  });

  test('returns the raw point or the bytes of an Edwards key', async () => {
    expect(await (await imported(kinds['P-521'])).export('raw')).toHaveLength(133);
    const { x = '' } = kinds.Ed25519.export({ format: 'jwk' });
    expect((await (await imported(kinds.Ed25519)).export('raw')).toString('base64url')).toBe(x);
  });

  test('refuses an unknown format before a call, and a format that the key does not have', async () => {
    const rsa = await imported(kinds.RSA);
    const error = await failure(rsa.export(wrong<'pem'>('spki')));
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE');
    expect(error.message).toContain('Known: pem, der, jwk, ssh, raw');
    expect((await failure(rsa.export('raw'))).code).toBe('ERR_CRYPTOKI_UNSUPPORTED');
    const brainpool = await imported(generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).publicKey);
    expect((await failure(brainpool.export('jwk'))).code).toBe('ERR_CRYPTOKI_UNSUPPORTED');
    expect((await failure(brainpool.export('ssh'))).code).toBe('ERR_CRYPTOKI_UNSUPPORTED');
    expect(await brainpool.export('pem')).toContain('BEGIN PUBLIC KEY');
  });
});

describe('exportKey()', () => {
  test('exports a key that was generated as extractable, which signs like the one in the token', async () => {
    const { privateKey, publicKey } = await session.generateKeyPair('EC', {
      ...{ curve: 'P-521', extractable: true, privateKey: { sensitive: false } },
    });
    const exported = await privateKey.exportKey();
    expect(createPublicKey(exported).equals(await publicKey.toKeyObject())).toBe(true);
  });

  test('refuses keys that are not extractable, and keys that are sensitive, and says why', async () => {
    const { privateKey } = await session.generateKeyPair('EC', { curve: 'P-256', label: 'stays' });
    const error = await failure(privateKey.exportKey());
    expect(error.code).toBe('CKR_KEY_UNEXTRACTABLE');
    expect(error.message).toContain('"stays" has CKA_EXTRACTABLE = false');
    const sensitive = await session.generateKey('AES', { extractable: true });
    expect((await failure(sensitive.exportKey())).code).toBe('CKR_ATTRIBUTE_SENSITIVE');
  });

  test('exports a private key with zeros at the beginning of its scalar', async () => {
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(Buffer.concat([Buffer.alloc(2), randomBytes(30)]));
    const point = ecdh.getPublicKey();
    const text = (bytes: Buffer) => bytes.toString('base64url');
    const jwk = {
      ...{ kty: 'EC', crv: 'P-256', x: text(point.subarray(1, 33)), y: text(point.subarray(33)) },
      d: text(Buffer.concat([Buffer.alloc(2), ecdh.getPrivateKey().subarray(-30)])),
    };
    const key = await session.importKey(jwk, { class: 'PRIVATE_KEY', extractable: true, sensitive: false });
    expect((await key.exportKey()).equals(createPrivateKey({ key: jwk, format: 'jwk' }))).toBe(true);
  });
});
