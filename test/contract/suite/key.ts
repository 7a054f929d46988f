import { createECDH, diffieHellman, generateKeyPairSync, hkdfSync, randomBytes } from 'node:crypto';
import { CKA, CKD, CKF, CKK, CKM, CKO, type RawAttribute } from 'cryptoki/raw';
import { expect } from 'vitest';
import { type Contract, familyOf, pairNeeds } from './contract';
import { codeOf } from './outcome';

const ECDH = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' } as const;
const ecdhNeeds = ['ECDH1_DERIVE:DERIVE', 'readable keys'];

export function key(contract: Contract): void {
  const { test } = contract.chapter('key');

  for (const name of ['RSA', 'P-256', 'P-384', 'P-521', 'secp256k1', 'Ed25519', 'X25519']) {
    // Without the requirement of the curve: the expectations of a module list a missing curve by its error.
    test(`a key pair is generated: ${name}`, pairNeeds(name).slice(0, 2), async () => {
      const { publicKey, privateKey } = await contract.makePair(name, name === 'X25519' ? 'derive' : 'sign');
      const keyType = name === 'RSA' ? 'RSA' : familyOf(name);
      expect(publicKey).toMatchObject({ class: 'PUBLIC_KEY', keyType });
      expect(privateKey).toMatchObject({ class: 'PRIVATE_KEY', keyType, isPrivate: true });
      expect(publicKey.id).toEqual(privateKey.id);
      const judge = await publicKey.toKeyObject();
      expect(judge.asymmetricKeyType).toBe(
        { RSA: 'rsa', Ed25519: 'ed25519', X25519: 'x25519' }[name] ?? 'ec',
      );
      const found = await contract.session.privateKey({ id: privateKey.id as Buffer });
      expect(found.handle).toBe(privateKey.handle);
      const { sensitive, extractable } = await privateKey.attributes('sensitive', 'extractable', 'local');
      expect({ sensitive, extractable }).toEqual({ sensitive: true, extractable: false });
      for (const each of [publicKey, privateKey]) await each.destroy();
    });
  }

  for (const name of ['RSA', 'P-256']) {
    test(`a key pair is generated without further attributes: ${name}`, pairNeeds(name), async () => {
      const options = { token: contract.facts.tokenKeys };
      const pair =
        name === 'RSA'
          ? await contract.session.generateKeyPair('RSA', options)
          : await contract.session.generateKeyPair('EC', { curve: name, ...options });
      expect(await pair.privateKey.attributes('sign')).toEqual({ sign: true });
      expect(await pair.publicKey.attributes('verify')).toEqual({ verify: true });
      for (const each of [pair.publicKey, pair.privateKey]) await each.destroy();
    });
  }

  for (const bits of [128, 192, 256]) {
    test(`an AES key is generated: ${bits} bits`, ['write', 'AES_KEY_GEN:GENERATE'], async () => {
      const made = await contract.session.generateKey('AES', {
        valueLen: bits / 8,
        token: contract.facts.tokenKeys,
        label: `AES ${bits}`,
      });
      expect(made).toMatchObject({ class: 'SECRET_KEY', keyType: 'AES', label: `AES ${bits}` });
      expect(await made.attribute('valueLen')).toBe(bits / 8);
      await made.destroy();
    });
  }

  test('a generated key reports that the token generated it', ['write', 'AES_KEY_GEN:GENERATE'], async () => {
    const made = await contract.session.generateKey('AES', { token: contract.facts.tokenKeys });
    const { local, neverExtractable, alwaysSensitive } = await made.attributes(
      'local',
      'neverExtractable',
      'alwaysSensitive',
    );
    expect({ local, neverExtractable, alwaysSensitive }).toEqual({
      local: true,
      neverExtractable: true,
      alwaysSensitive: true,
    });
    await made.destroy();
  });

  test('a generic secret is generated', ['write', 'GENERIC_SECRET_KEY_GEN:GENERATE'], async () => {
    const made = await contract.session.generateKey('GENERIC_SECRET', {
      valueLen: 48,
      token: contract.facts.tokenKeys,
      extractable: true,
      sensitive: false,
    });
    expect(made.keyType).toBe('GENERIC_SECRET');
    expect(await made.attribute('value')).toHaveLength(48);
    await made.destroy();
  });

  test('an unknown curve is refused', pairNeeds('P-256'), async () => {
    const ecParams = Buffer.from('06052b81040063', 'hex');
    const make = contract.session.generateKeyPair('EC', {
      publicKey: { ecParams },
      token: contract.facts.tokenKeys,
    });
    expect(await codeOf(make)).toEqual(contract.code('an unknown curve'));
  });

  test('an RSA key of 16 bits is refused', pairNeeds('RSA'), async () => {
    const make = contract.session.generateKeyPair('RSA', {
      modulusBits: 16,
      token: contract.facts.tokenKeys,
    });
    expect(await codeOf(make)).toEqual(contract.code('an RSA key of 16 bits'));
  });

  test('an AES key of 5 bytes is refused', ['write', 'AES_KEY_GEN:GENERATE'], async () => {
    const make = contract.session.generateKey('AES', { valueLen: 5, token: contract.facts.tokenKeys });
    expect(await codeOf(make)).toEqual(contract.code('an AES key of 5 bytes'));
  });

  const unwrapped = (keyType: number): RawAttribute[] => [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: keyType },
    { type: CKA.TOKEN, value: contract.facts.tokenKeys },
    { type: CKA.SENSITIVE, value: false },
    { type: CKA.EXTRACTABLE, value: true },
  ];
  for (const name of ['AES_KEY_WRAP', 'AES_KEY_WRAP_PAD', 'AES_KEY_WRAP_KWP'] as const) {
    const needs = ['write', 'import', `${name}:WRAP`, `${name}:UNWRAP`];
    test(`a key is wrapped and unwrapped: ${name}`, needs, async () => {
      const { raw, session } = contract;
      const mechanism = { mechanism: CKM[name] };
      const wrapping = await contract.secret('AES', randomBytes(32), { wrap: true, unwrap: true });
      const value = randomBytes(32);
      const made = await contract.secret('AES', value, { encrypt: true });
      const wrapped = await raw.C_WrapKey(session.handle, mechanism, wrapping.handle, made.handle);
      expect(wrapped.length).toBeGreaterThanOrEqual(40);
      const template = unwrapped(CKK.AES);
      const back = await raw.C_UnwrapKey(session.handle, mechanism, wrapping.handle, wrapped, template);
      const [read] = await raw.C_GetAttributeValue(session.handle, back, [CKA.VALUE]);
      expect(read?.value).toEqual(value);
      wrapped.writeUInt8(wrapped.readUInt8(3) ^ 1, 3);
      const broken = raw.C_UnwrapKey(session.handle, mechanism, wrapping.handle, wrapped, template);
      expect(await codeOf(broken)).toEqual(contract.code('unwrapping what was changed'));
      await raw.C_DestroyObject(session.handle, back);
      for (const each of [wrapping, made]) await each.destroy();
    });
  }

  test('an unextractable key is not wrapped', ['write', 'import', 'AES_KEY_WRAP:WRAP'], async () => {
    const { raw, session } = contract;
    const wrapping = await contract.secret('AES', randomBytes(32), { wrap: true });
    const made = await contract.secret('AES', randomBytes(32), { extractable: false });
    const mechanism = { mechanism: CKM.AES_KEY_WRAP };
    expect(await codeOf(raw.C_WrapKey(session.handle, mechanism, wrapping.handle, made.handle))).toEqual(
      contract.code('wrapping a key that may not leave'),
    );
    for (const each of [wrapping, made]) await each.destroy();
  });

  const derived = (length: number): RawAttribute[] => [
    ...unwrapped(CKK.GENERIC_SECRET),
    { type: CKA.VALUE_LEN, value: length },
  ];
  for (const [name, node] of Object.entries(ECDH)) {
    test(`ECDH derives the secret of node:crypto: ${name}`, [...pairNeeds(name), ...ecdhNeeds], async () => {
      const { raw, session } = contract;
      const { publicKey, privateKey } = await contract.pair(name, 'derive');
      const other = createECDH(node);
      other.generateKeys();
      const { x = '', y = '' } = (await publicKey.toKeyObject()).export({ format: 'jwk' });
      const point = Buffer.concat([
        Buffer.from([4]),
        ...[x, y].map((each) => Buffer.from(each, 'base64url')),
      ]);
      const expected = other.computeSecret(point);
      const parameter = { kdf: CKD.NULL, publicData: other.getPublicKey() };
      const mechanism = { mechanism: CKM.ECDH1_DERIVE, parameter };
      const made = await raw.C_DeriveKey(
        session.handle,
        mechanism,
        privateKey.handle,
        derived(expected.length),
      );
      const [read] = await raw.C_GetAttributeValue(session.handle, made, [CKA.VALUE]);
      expect(read?.value).toEqual(expected);
      await raw.C_DestroyObject(session.handle, made);
    });
  }

  test('ECDH derives the secret of node:crypto: X25519', [...pairNeeds('X25519'), ...ecdhNeeds], async () => {
    const { raw, session } = contract;
    const { publicKey, privateKey } = await contract.pair('X25519', 'derive');
    const other = generateKeyPairSync('x25519');
    const expected = diffieHellman({
      privateKey: other.privateKey,
      publicKey: await publicKey.toKeyObject(),
    });
    const { x = '' } = other.publicKey.export({ format: 'jwk' });
    const parameter = { kdf: CKD.NULL, publicData: Buffer.from(x, 'base64url') };
    const mechanism = { mechanism: CKM.ECDH1_DERIVE, parameter };
    const made = await raw.C_DeriveKey(session.handle, mechanism, privateKey.handle, derived(32));
    const [read] = await raw.C_GetAttributeValue(session.handle, made, [CKA.VALUE]);
    expect(read?.value).toEqual(expected);
    await raw.C_DestroyObject(session.handle, made);
  });

  test('HKDF derives the key of node:crypto', ['write', 'import', 'HKDF_DERIVE:DERIVE'], async () => {
    const { raw, session } = contract;
    const value = randomBytes(32);
    const [salt, info] = [Buffer.from('salt'), Buffer.from('info')];
    const base = await contract.secret('HKDF', value, { derive: true });
    const parameter = {
      ...{ extract: true, expand: true, prfHashMechanism: CKM.SHA256 },
      ...{ saltType: CKF.HKDF_SALT_DATA, salt, saltKey: 0n, info },
    };
    const mechanism = { mechanism: CKM.HKDF_DERIVE, parameter };
    const made = await raw.C_DeriveKey(session.handle, mechanism, base.handle, derived(42));
    const [read] = await raw.C_GetAttributeValue(session.handle, made, [CKA.VALUE]);
    expect(read?.value).toEqual(Buffer.from(hkdfSync('sha256', value, salt, info, 42)));
    await raw.C_DestroyObject(session.handle, made);
    await base.destroy();
  });

  test('ECDH with a broken public key is refused', [...pairNeeds('P-256'), ...ecdhNeeds], async () => {
    const { raw, session } = contract;
    const { privateKey } = await contract.pair('P-256', 'derive');
    const parameter = { kdf: CKD.NULL, publicData: Buffer.alloc(65, 4) };
    const mechanism = { mechanism: CKM.ECDH1_DERIVE, parameter };
    expect(await codeOf(raw.C_DeriveKey(session.handle, mechanism, privateKey.handle, derived(32)))).toEqual(
      contract.code('deriving with a broken public key'),
    );
  });
}
