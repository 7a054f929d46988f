import { createCipheriv, createHmac, hkdfSync, pbkdf2Sync, randomBytes } from 'node:crypto';
import { CKA, CKK, CKM, CKO, type RawAttribute, type RawModule } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, openNss, whyNoNss } from '../support/nss';

/** A secret key with a readable value. */
const secret = (length: number, keyType: number = CKK.GENERIC_SECRET): RawAttribute[] => [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: keyType },
  { type: CKA.VALUE_LEN, value: length },
  { type: CKA.TOKEN, value: false },
  { type: CKA.SENSITIVE, value: false },
  { type: CKA.EXTRACTABLE, value: true },
  { type: CKA.DERIVE, value: true },
];

describe.skipIf(whyNoNss !== undefined)(`structures of mechanism parameters (${whyNoNss ?? 'NSS'})`, () => {
  let nss: Nss;
  let raw: RawModule;
  let session: bigint;

  beforeAll(async () => {
    nss = await openNss();
    raw = nss.module.raw;
    session = nss.session.handle;
  });
  afterAll(() => nss.close());

  const base = async (value: Buffer, keyType: 'GENERIC_SECRET' | 'HKDF' = 'GENERIC_SECRET') =>
    (await nss.session.createObject({ class: 'SECRET_KEY', keyType, value, derive: true })).handle;
  const readValue = async (key: bigint) =>
    (await raw.C_GetAttributeValue(session, key, [CKA.VALUE]))[0]?.value as Buffer;

  test('are converted: CK_GCM_PARAMS in both layouts', async () => {
    const key = randomBytes(16);
    const { handle } = await nss.session.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'AES', value: key, encrypt: true },
    });
    const [iv, aad, message] = [randomBytes(12), Buffer.from('aad'), Buffer.from('message')];
    const cipher = createCipheriv('aes-128-gcm', key, iv).setAAD(aad);
    const wanted = Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
    const fields = { iv, aad, tagBits: 128 };
    for (const parameter of [fields, { structure: 'CK_GCM_PARAMS_COMPAT', ...fields }]) {
      const sealed = await raw.encrypt(session, { mechanism: CKM.AES_GCM, parameter }, handle, message);
      expect(sealed.equals(wanted)).toBe(true);
    }
  });

  test('are converted: CK_HKDF_PARAMS with bytes, booleans and a handle', async () => {
    const input = Buffer.alloc(22, 0x0b);
    const [salt, info] = [Buffer.from('salt'), Buffer.from('info')];
    const parameter = {
      ...{ extract: true, expand: true, prfHashMechanism: CKM.SHA256 },
      ...{ saltType: 2, salt, saltKey: 0n, info },
    };
    const template = secret(42, CKK.GENERIC_SECRET);
    const mechanism = { mechanism: CKM.HKDF_DERIVE, parameter };
    const key = await raw.C_DeriveKey(session, mechanism, await base(input, 'HKDF'), template);
    expect((await readValue(key)).equals(Buffer.from(hkdfSync('sha256', input, salt, info, 42)))).toBe(true);
  });

  test('are converted: CK_SP800_108_KDF_PARAMS with arrays, named structures, templates and output handles', async () => {
    const value = Buffer.alloc(32, 1);
    const more: { template: RawAttribute[]; key?: bigint } = { template: secret(16) };
    const parameter = {
      prfType: CKM.SHA256_HMAC,
      dataParams: [
        {
          type: 1,
          value: { structure: 'CK_SP800_108_COUNTER_FORMAT', littleEndian: false, widthInBits: 32 },
        },
        { type: 4, value: Buffer.from('label') },
      ],
      additionalDerivedKeys: [more],
    };
    const mechanism = { mechanism: CKM.SP800_108_COUNTER_KDF, parameter };
    const key = await raw.C_DeriveKey(session, mechanism, await base(value), secret(32));
    const block = (i: number) =>
      createHmac('sha256', value)
        .update(Buffer.from([0, 0, 0, i]))
        .update('label')
        .digest();
    expect(await readValue(key)).toEqual(block(1));
    expect(await readValue(more.key ?? 0n)).toEqual(block(2).subarray(0, 16));
  });

  // NSS still uses the first form of the structure, which is therefore the default.
  test('are converted: CK_PKCS5_PBKD2_PARAMS with a pointer to a length', async () => {
    const parameter = {
      ...{ saltSource: 1, saltSourceData: Buffer.from('salt') },
      ...{ iterations: 1000, prf: 4, password: Buffer.from('password') },
    };
    const key = await raw.C_GenerateKey(session, { mechanism: CKM.PKCS5_PBKD2, parameter }, secret(32));
    expect(await readValue(key)).toEqual(pbkdf2Sync('password', 'salt', 1000, 32, 'sha256'));
  });

  test('are converted: TLS 1.2 with nested structures, and output fields for a version and key material', async () => {
    const [client, server] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const premaster = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(46, 7)]);
    const prf = (key: Buffer, label: string, seed: Buffer, length: number) => {
      const whole = Buffer.concat([Buffer.from(label), seed]);
      const blocks: Buffer[] = [];
      for (let a = whole; blocks.length * 32 < length; ) {
        a = createHmac('sha256', key).update(a).digest();
        blocks.push(createHmac('sha256', key).update(a).update(whole).digest());
      }
      return Buffer.concat(blocks).subarray(0, length);
    };
    const master: { version?: object; [field: string]: unknown } = {
      randomInfo: { clientRandom: client, serverRandom: server },
      prfHashMechanism: CKM.SHA256,
    };
    const first = { mechanism: CKM.TLS12_MASTER_KEY_DERIVE, parameter: master };
    const key = await raw.C_DeriveKey(session, first, await base(premaster), secret(48));
    const masterSecret = prf(premaster, 'master secret', Buffer.concat([client, server]), 48);
    expect(await readValue(key)).toEqual(masterSecret);
    expect(master.version).toEqual({ major: 3, minor: 3 });

    const material: { clientKey?: bigint; ivClient?: Buffer; ivServer?: Buffer } = {};
    const parameter = {
      ...{ macSizeInBits: 0, keySizeInBits: 128, ivSizeInBits: 32, isExport: false },
      ...{ randomInfo: master.randomInfo, returnedKeyMaterial: material, prfHashMechanism: CKM.SHA256 },
    };
    await raw.C_DeriveKey(
      session,
      { mechanism: CKM.TLS12_KEY_AND_MAC_DERIVE, parameter },
      key,
      secret(16, CKK.AES),
    );
    for (const ivSizeInBits of [8193, 2 ** 32, 2n ** 64n - 1n]) {
      const tooLong = { ...parameter, ivSizeInBits, returnedKeyMaterial: {} };
      expect(() =>
        raw.C_DeriveKeySync(
          session,
          { mechanism: CKM.TLS12_KEY_AND_MAC_DERIVE, parameter: tooLong },
          key,
          [],
        ),
      ).toThrow(/at most 1,024 bytes/);
    }
    const block = prf(masterSecret, 'key expansion', Buffer.concat([server, client]), 40);
    expect(await readValue(material.clientKey ?? 0n)).toEqual(block.subarray(0, 16));
    expect([material.ivClient, material.ivServer]).toEqual([block.subarray(32, 36), block.subarray(36, 40)]);
  });

  test('are refused for a wrong field, and the error contains its path', async () => {
    const parameter = { prfType: 1, dataParams: [{ type: 1, value: { structure: 'CK_NOTHING' } }] };
    const call = raw.C_DeriveKey(session, { mechanism: CKM.SP800_108_COUNTER_KDF, parameter }, 1n, []);
    await expect(call).rejects.toThrow(/"mechanism\.parameter\.dataParams\[0\]\.value\.structure"/);
    const deep = { ...parameter, additionalDerivedKeys: [{ template: [{ type: CKA.LABEL, value: 5 }] }] };
    const wrong = raw.C_DeriveKey(
      session,
      { mechanism: CKM.SP800_108_COUNTER_KDF, parameter: { ...deep, dataParams: [] } },
      1n,
      [],
    );
    await expect(wrong).rejects.toThrow(/additionalDerivedKeys\[0\]\.template\[0\]\.value \(CKA_LABEL\)/);
  });
});
