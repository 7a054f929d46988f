import { createCipheriv, createHmac } from 'node:crypto';
import pkcs11js, { type Handle, type MechanismInput } from 'cryptoki/pkcs11js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readMechanism } from '../../dist/pkcs11js/mechanism.js';
import { aesKey, ecKeys, type Opened, open, template } from './support/open';

let its: Opened;
let session: Handle;
let key: Handle;

beforeAll(async () => {
  its = await open();
  session = its.session;
  key = its.pkcs11.C_CreateObject(session, [...aesKey(), ...template([pkcs11js.CKA_DERIVE, true])]);
});
afterAll(() => its.close());

const bytes = (length: number): Buffer => Buffer.alloc(length, length);
const handle = Buffer.alloc(process.platform === 'win32' ? 4 : 8);
handle[0] = 7;

const { CK_PARAMS_AES_CBC, CK_PARAMS_AES_GCM, CK_PARAMS_AES_GCM_v240 } = pkcs11js;
const { CK_PARAMS_EC_DH, CK_PARAMS_RSA_OAEP } = pkcs11js;

const EC = { kdf: 1, sharedData: bytes(3), publicData: bytes(4), privateDataLen: 5, privateData: handle };
const DH = { kdf: 1, otherInfo: bytes(3), publicData: bytes(4), privateDataLen: 5, privateData: handle };
const CCM = { dataLength: 1, nonce: bytes(2), aad: bytes(3), macLength: 4 };
const GCM = { iv: bytes(12), ivBits: 96, aad: bytes(3), tagBits: 128 };
const RELAYX = {
  ...{ oldWrappedX: bytes(1), oldPassword: bytes(2), oldPublicData: bytes(3), oldRandomA: bytes(4) },
  ...{ newPassword: bytes(5), newPublicData: bytes(6), newRandomA: bytes(7) },
};
const PRIVATE_WRAP = {
  ...{ password: bytes(1), publicData: bytes(2), primeP: bytes(3), baseG: bytes(4) },
  ...{ subprimeQ: bytes(5), randomA: bytes(6) },
};

/** Each type: its name in messages, a full parameter, the optional properties, and the structure in cryptoki/raw. */
const TYPES: [
  type: number,
  name: string,
  given: object,
  optional: string,
  structure: string,
  fields?: object,
][] = [
  [
    1,
    'CK_AES_CBC_ENCRYPT_DATA_PARAMS',
    { iv: bytes(16), data: bytes(3) },
    'data',
    'CK_AES_CBC_ENCRYPT_DATA_PARAMS',
  ],
  [2, 'CK_AES_CCM_PARAMS', CCM, 'nonce aad macLength', 'CK_AES_CCM_PARAMS', { dataLen: 1, macLen: 4 }],
  [
    3,
    'CK_AES_GCM_PARAMS',
    { iv: bytes(12), ivBits: 96, aad: bytes(3), tagBits: 9 },
    'ivBits aad tagBits',
    'CK_GCM_PARAMS',
  ],
  [4, 'CK_RSA_PKCS_OAEP_PARAMS', { hashAlg: 1, mgf: 2, source: 3, sourceData: bytes(4) }, 'sourceData', ''],
  [5, 'CK_RSA_PKCS_PSS_PARAMS', { hashAlg: 1, mgf: 2, saltLen: 3 }, '', '', { sLen: 3 }],
  [6, 'CK_ECDH1_DERIVE_PARAMS', { kdf: 1, publicData: bytes(2), sharedData: bytes(3) }, 'sharedData', ''],
  [7, 'CK_AES_GCM_240_PARAMS', GCM, 'aad tagBits', 'CK_GCM_PARAMS'],
  [8, 'CK_ECDH2_DERIVE_PARAMS', { ...EC, publicData2: bytes(6) }, 'sharedData publicData2', ''],
  [
    9,
    'CK_ECMQV_DERIVE_PARAMS',
    { ...EC, publicData2: bytes(6) },
    'sharedData publicData2',
    '',
    { publicKey: 0n },
  ],
  [10, 'CK_X9_42_DH1_DERIVE_PARAMS', { kdf: 1, otherInfo: bytes(2), publicData: bytes(3) }, 'otherInfo', ''],
  [11, 'CK_X9_42_DH2_DERIVE_PARAMS', { ...DH, publicData2: bytes(6) }, 'otherInfo publicData2', ''],
  [
    ...([12, 'CK_X9_42_MQV_DERIVE_PARAMS', { ...DH, publicData2: bytes(6), publicKey: handle }] as const),
    ...(['otherInfo publicData2', '', { publicKey: 7n }] as const),
  ],
  [
    ...([13, 'CK_KEA_DERIVE_PARAMS', { isSender: true, randomA: bytes(1), randomB: bytes(2) }] as const),
    ...(['isSender', ''] as const),
  ],
  [15, 'CK_RC2_CBC_PARAMS', { effectiveBits: 1, iv: bytes(8) }, '', ''],
  [16, 'CK_RC2_MAC_GENERAL_PARAMS', { effectiveBits: 1, macLength: 2 }, '', ''],
  [17, 'CK_RC5_PARAMS', { wordSize: 1, rounds: 2 }, '', '', { wordsize: 1 }],
  [18, 'CK_RC5_CBC_PARAMS', { wordSize: 1, rounds: 2, iv: bytes(3) }, '', '', { wordsize: 1 }],
  [19, 'CK_RC5_MAC_GENERAL_PARAMS', { wordSize: 1, rounds: 2, macLength: 3 }, '', '', { wordsize: 1 }],
  [20, 'CK_DES_CBC_ENCRYPT_DATA_PARAMS', { iv: bytes(8), data: bytes(2) }, 'data', ''],
  [21, 'CK_SKIPJACK_PRIVATE_WRAP_PARAMS', PRIVATE_WRAP, '', ''],
  [22, 'CK_SKIPJACK_RELAYX_PARAMS', RELAYX, '', ''],
  [23, 'CK_PBE_PARAMS', { initVector: bytes(8), password: bytes(2), salt: bytes(3), iteration: 4 }, '', ''],
  [24, 'CK_KEY_WRAP_SET_OAEP_PARAMS', { bc: 1, x: bytes(2) }, 'bc x', ''],
  [25, 'CK_GCM_PARAMS', GCM, 'aad tagBits', ''],
  [26, 'CK_CCM_PARAMS', CCM, 'nonce aad macLength', '', { dataLen: 1, macLen: 4 }],
  [27, 'CK_GOSTR3410_DERIVE_PARAMS', { kdf: 1, publicData: bytes(2), ukm: bytes(3) }, 'ukm', ''],
  [28, 'CK_GOSTR3410_KEY_WRAP_PARAMS', { wrapOID: bytes(1), ukm: bytes(2), key: handle }, 'ukm', ''],
];

/** The expected fields of the structure of cryptoki/raw. */
function expected(given: object, structure: string, fields: object): object {
  const RENAMED = ['dataLength', 'saltLen', 'wordSize', ...('macLen' in fields ? ['macLength'] : [])];
  const same = Object.entries(given).map(([name, value]) => [name, value === handle ? 7n : value]);
  const renamed = Object.keys(fields).length > 0;
  const kept = same.filter(([name]) => !(renamed && RENAMED.includes(String(name))));
  return { structure, ...Object.fromEntries(kept), ...fields };
}

describe.each(TYPES)('a parameter of type %i (%s)', (type, name, given, optional, structure, fields = {}) => {
  const complete = type === 13 ? { ...given, publicData: bytes(3) } : given;

  test('is converted to the structure of cryptoki/raw', () => {
    const { raw } = readMechanism({ mechanism: 1, parameter: { type, ...complete } }, 1);
    const wanted = expected(complete, structure === '' ? name : structure, fields);
    expect(raw.parameter).toMatchObject(wanted);
    // The addon accepts it, so that it reaches the token, which has no such mechanism.
    expect(() =>
      its.pkcs11.C_DeriveKey(session, { mechanism: 0x9999, parameter: { type, ...complete } }, key, []),
    ).toThrow('CKR_MECHANISM_INVALID');
  });

  test('reports the property that is missing or wrong', () => {
    const derive = (parameter: object): unknown =>
      its.pkcs11.C_DeriveKey(session, { mechanism: 0x9999, parameter: { type, ...parameter } }, key, []);
    for (const [property, value] of Object.entries(complete)) {
      const kind = { number: 'Number', boolean: 'Boolean', object: 'Buffer' }[typeof value as 'number'];
      const wrong = new TypeError(`Property '${property}' of ${name} mechanism parameter should be ${kind}`);
      expect(() => derive({ ...complete, [property]: Symbol('x') })).toThrow(wrong);
      for (const none of [undefined, null]) {
        const left = { ...complete, [property]: none };
        if (optional.split(' ').includes(property))
          expect(() => derive(left)).toThrow('CKR_MECHANISM_INVALID');
        else expect(() => derive(left)).toThrow(wrong);
      }
    }
  });
});

describe('a mechanism', () => {
  const digestInit = (mechanism: unknown): unknown =>
    Reflect.apply(its.pkcs11.C_DigestInit, its.pkcs11, [session, mechanism]);
  const wrong = (what: string): TypeError => new TypeError(`Argument 1 has wrong type. Property ${what}`);

  test('of a wrong form is refused with the error texts of pkcs11js', () => {
    for (const no of [{}, [], { mechanism: 'x' }, { mechanism: null }]) {
      expect(() => digestInit(no)).toThrow(wrong("'mechanism' should be a Number"));
    }
    for (const parameter of ['x', true, () => {}]) {
      expect(() => digestInit({ mechanism: 1, parameter })).toThrow(
        wrong("'parameter' should be an Object or Buffer"),
      );
    }
    for (const parameter of [{}, [], { type: 'x' }, new ArrayBuffer(3)]) {
      expect(() => digestInit({ mechanism: 1, parameter })).toThrow(wrong("'type' should be a Number"));
    }
    for (const type of [0, 29, -1, 1.5])
      expect(() => digestInit({ mechanism: 1, parameter: { type } })).toThrow(TypeError);
    const iv = { type: CK_PARAMS_AES_CBC, iv: Buffer.alloc(3) };
    expect(() => digestInit({ mechanism: 1, parameter: iv })).toThrow(
      new TypeError(
        "Property 'iv' of CK_AES_CBC_ENCRYPT_DATA_PARAMS mechanism parameter should be a Buffer of length 16",
      ),
    );
  });

  test('of the type CK_PARAMS_AES_GCM gets the number of bits of its IV if none is given', () => {
    const gcm = { type: CK_PARAMS_AES_GCM, iv: bytes(12) };
    const bitsOf = (parameter: object): unknown =>
      (readMechanism({ mechanism: 1, parameter }, 1).raw.parameter as { ivBits?: unknown }).ivBits;
    expect([bitsOf(gcm), bitsOf({ ...gcm, ivBits: 95 })]).toEqual([96, 95]);
  });

  test('accepts lengths under both names', () => {
    const { raw } = readMechanism({ mechanism: 1, parameter: { type: 26, dataLen: 5, macLen: 8 } }, 1);
    expect(raw.parameter).toMatchObject({ dataLen: 5, macLen: 8 });
    const rc2 = { type: pkcs11js.CK_PARAMS_RC2, effectiveBits: 64 };
    expect(readMechanism({ mechanism: 1, parameter: rc2 }, 1).raw).toEqual({ mechanism: 1, parameter: 64 });
  });

  test('can have bytes, a number, an object or nothing as its parameter', () => {
    const encrypt = (mechanism: MechanismInput): Buffer => {
      its.pkcs11.C_EncryptInit(session, mechanism, key);
      return its.pkcs11.C_Encrypt(session, bytes(32), Buffer.alloc(100));
    };
    const cipher = (name: string, iv: Buffer | null): Buffer => {
      const its = createCipheriv(name, Buffer.alloc(16, 1), iv).setAutoPadding(false);
      return Buffer.concat([its.update(bytes(32)), its.final()]);
    };
    for (const parameter of [undefined, null]) {
      expect(encrypt({ mechanism: pkcs11js.CKM_AES_ECB, parameter })).toEqual(cipher('aes-128-ecb', null));
    }
    const iv = Buffer.alloc(16, 9);
    for (const parameter of [iv, new Uint8Array(iv), new DataView(new Uint8Array(iv).buffer)]) {
      expect(encrypt({ mechanism: pkcs11js.CKM_AES_CBC, parameter })).toEqual(cipher('aes-128-cbc', iv));
    }
    const gcm = { type: CK_PARAMS_AES_GCM_v240, iv: bytes(12), ivBits: 96, aad: bytes(5), tagBits: 128 };
    const node = createCipheriv('aes-128-gcm', Buffer.alloc(16, 1), bytes(12)).setAAD(bytes(5));
    const sealed = Buffer.concat([node.update(bytes(32)), node.final(), node.getAuthTag()]);
    expect(encrypt({ mechanism: pkcs11js.CKM_AES_GCM, parameter: gcm })).toEqual(sealed);
    for (const ivBits of [96, undefined]) {
      const parameter = { ...gcm, type: CK_PARAMS_AES_GCM, ivBits };
      expect(encrypt({ mechanism: pkcs11js.CKM_AES_GCM, parameter })).toEqual(sealed);
    }
    // the form of cryptoki/raw
    const raw = { structure: 'CK_AES_CTR_PARAMS', counterBits: 128, cb: iv };
    expect(encrypt({ mechanism: pkcs11js.CKM_AES_CTR, parameter: raw })).toEqual(cipher('aes-128-ctr', iv));
  });

  test('derives keys, and encrypts with OAEP', () => {
    const { pkcs11 } = its;
    const [one, two] = [0, 1].map(() =>
      pkcs11.C_GenerateKeyPair(session, { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN }, ...ecKeys()),
    );
    const derive = (mine?: Handle, theirs?: Handle): Buffer => {
      const point = pkcs11.C_GetAttributeValue(session, theirs as Handle, [{ type: pkcs11js.CKA_EC_POINT }]);
      const parameter = {
        type: CK_PARAMS_EC_DH,
        kdf: pkcs11js.CKD_NULL,
        publicData: point[0]?.value.subarray(2),
      };
      const wanted = [...aesKey().slice(0, 4), ...template([pkcs11js.CKA_VALUE_LEN, 32])];
      const derived = pkcs11.C_DeriveKey(
        session,
        { mechanism: pkcs11js.CKM_ECDH1_DERIVE, parameter },
        mine as Handle,
        wanted,
      );
      return pkcs11.C_GetAttributeValue(session, derived, [{ type: pkcs11js.CKA_VALUE }])[0]?.value as Buffer;
    };
    expect(derive(one?.privateKey, two?.publicKey)).toEqual(derive(two?.privateKey, one?.publicKey));
    const data = { type: CK_PARAMS_AES_CBC, iv: Buffer.alloc(16, 2), data: bytes(16) };
    const derived = pkcs11.C_DeriveKey(
      session,
      { mechanism: pkcs11js.CKM_AES_CBC_ENCRYPT_DATA, parameter: data },
      key,
      [...aesKey().slice(0, 4), ...template([pkcs11js.CKA_VALUE_LEN, 16])],
    );
    const wanted = createCipheriv('aes-128-cbc', Buffer.alloc(16, 1), data.iv).setAutoPadding(false);
    expect(pkcs11.C_GetAttributeValue(session, derived, [{ type: pkcs11js.CKA_VALUE }])[0]?.value).toEqual(
      wanted.update(data.data),
    );
    const rsa = pkcs11.C_GenerateKeyPair(
      session,
      { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN },
      template([pkcs11js.CKA_MODULUS_BITS, 2048], [pkcs11js.CKA_ENCRYPT, true]),
      template([pkcs11js.CKA_DECRYPT, true]),
    );
    const parameter = {
      type: CK_PARAMS_RSA_OAEP,
      hashAlg: pkcs11js.CKM_SHA_1,
      mgf: pkcs11js.CKG_MGF1_SHA1,
      source: 1,
    };
    const oaep = { mechanism: pkcs11js.CKM_RSA_PKCS_OAEP, parameter };
    pkcs11.C_EncryptInit(session, oaep, rsa.publicKey);
    const encrypted = pkcs11.C_Encrypt(session, bytes(20), Buffer.alloc(256));
    pkcs11.C_DecryptInit(session, oaep, rsa.privateKey);
    expect(pkcs11.C_Decrypt(session, encrypted, Buffer.alloc(256))).toEqual(bytes(20));
  });

  test('converts a number as its parameter to a CK_ULONG', () => {
    const secret = its.pkcs11.C_CreateObject(
      session,
      aesKey(bytes(32)).map((one) =>
        one.type === pkcs11js.CKA_KEY_TYPE ? { ...one, value: pkcs11js.CKK_GENERIC_SECRET } : one,
      ),
    );
    const mechanism = { mechanism: pkcs11js.CKM_SHA256_HMAC };
    its.pkcs11.C_SignInit(session, mechanism, secret);
    expect(its.pkcs11.C_Sign(session, bytes(9), Buffer.alloc(32))).toEqual(
      createHmac('sha256', bytes(32)).update(bytes(9)).digest(),
    );
    for (const parameter of [5, 5n]) {
      expect(readMechanism({ mechanism: 1, parameter }, 1).raw).toEqual({ mechanism: 1, parameter });
    }
    expect(() => readMechanism({ mechanism: 1, parameter: 1.5 }, 1)).toThrow(RangeError);
  });
});

test('output fields of a parameter are written into the buffer of the caller', () => {
  const iv = Buffer.alloc(12);
  const read = readMechanism({ mechanism: 1, parameter: { type: 25, iv, ivBits: 96 } }, 1);
  const { parameter } = read.raw as { parameter: { iv: Buffer } };
  parameter.iv = bytes(12); // as cryptoki/raw does
  read.copyOutputs();
  expect(iv).toEqual(bytes(12));
});
