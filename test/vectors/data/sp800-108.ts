/** The three key derivation functions of NIST SP 800-108, with vectors of NIST's CAVP. */
import { createHmac } from 'node:crypto';
import { CKM } from 'cryptoki/raw';
import { hex } from '../support/bytes';
import { cmac } from '../support/judge';
import { NSS } from '../support/nss';
import type { DeriveVector } from './derive';

/** CK_SP800_108_... */
const [ITERATION_VARIABLE, OPTIONAL_COUNTER, BYTE_ARRAY] = [1, 2, 4];

const counter = (widthInBits: number): object => ({
  ...{ structure: 'CK_SP800_108_COUNTER_FORMAT', littleEndian: false, widthInBits },
});

/** `count` rounds of `round`, joined. */
function rounds(count: number, round: (number: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => round(i + 1)));
}

function number(value: number, bits: number): Buffer {
  const made = Buffer.alloc(4);
  made.writeUInt32BE(value);
  return made.subarray(4 - bits / 8);
}

const COUNTER_KEY = hex('dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0');
const COUNTER_INPUT = hex(`
  01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b8
  64a145fab25e517b08f8683d0315bb2911d80a0e8aba17f3b413faac`);

const COUNTER_KDF: DeriveVector = {
  source: 'NIST CAVP, SP 800-108, KDFCTR, HMAC-SHA-256, 32 bits before the fixed data, count 0',
  ...{ mechanism: 'SP800_108_COUNTER_KDF', keyType: 'GENERIC_SECRET', base: COUNTER_KEY },
  parameter: () => ({
    prfType: CKM.SHA256_HMAC,
    dataParams: [
      { type: ITERATION_VARIABLE, value: counter(32) },
      { type: BYTE_ARRAY, value: COUNTER_INPUT },
    ],
  }),
  derived: hex('10621342bfb0fd40046c0e29f2cfdbf0'),
  judge: () =>
    createHmac('sha256', COUNTER_KEY).update(number(1, 32)).update(COUNTER_INPUT).digest().subarray(0, 16),
};

const FEEDBACK_KEY = hex('93f698e842eed75394d629d957e2e89c6e741f810b623c8b901e38376d068e7b');
const FEEDBACK_IV = hex('9f575d9059d3e0c0803f08112f8a806de3c3471912cdf42b095388b14b33508e');
const FEEDBACK_INPUT = hex(`
  53b89c18690e2057a1d167822e636de50be0018532c431f7f5e37f77139220d5
  e042599ebe266af5767ee18cd2c5c19a1f0f80`);

const FEEDBACK_KDF: DeriveVector = {
  source: 'NIST CAVP, SP 800-108, KDFFeedback, HMAC-SHA-256, 32 bits after the iteration, count 0',
  ...{ mechanism: 'SP800_108_FEEDBACK_KDF', keyType: 'GENERIC_SECRET', base: FEEDBACK_KEY },
  parameter: () => ({
    ...{ structure: 'CK_SP800_108_FEEDBACK_KDF_PARAMS', prfType: CKM.SHA256_HMAC, iv: FEEDBACK_IV },
    dataParams: [
      { type: ITERATION_VARIABLE },
      { type: OPTIONAL_COUNTER, value: counter(32) },
      { type: BYTE_ARRAY, value: FEEDBACK_INPUT },
    ],
  }),
  derived: hex(`
    bd1476f43a4e315747cf5918e0ea5bc0d98769457477c3ab18b742def0e079a9
    33b756365afb5541f253fee43c6fd788a44041038509e9eeb68f7d65ffbb5f95`),
  judge: () => {
    let last = FEEDBACK_IV;
    return rounds(2, (i) => {
      last = createHmac('sha256', FEEDBACK_KEY)
        .update(last)
        .update(number(i, 32))
        .update(FEEDBACK_INPUT)
        .digest();
      return last;
    });
  },
};

interface Pipeline {
  readonly bits: 8 | 32;
  readonly key: Buffer;
  readonly input: Buffer;
  readonly derived: string;
}

function pipeline({ bits, key, input, derived }: Pipeline): DeriveVector {
  const aes = `aes-${key.length * 8}-ecb`;
  return {
    source: `NIST CAVP, SP 800-108, KDFDblPipeline, CMAC-AES-${key.length * 8}, ${bits} bits after the iteration`,
    ...{ mechanism: 'SP800_108_DOUBLE_PIPELINE_KDF', keyType: 'AES', base: key, derived: hex(derived) },
    parameter: () => ({
      ...{ structure: 'CK_SP800_108_KDF_PARAMS', prfType: CKM.AES_CMAC },
      dataParams: [
        { type: ITERATION_VARIABLE },
        { type: OPTIONAL_COUNTER, value: counter(bits) },
        { type: BYTE_ARRAY, value: input },
      ],
    }),
    judge: () => {
      let last = input;
      return rounds(4, (i) => {
        last = cmac(aes, key, last);
        return cmac(aes, key, Buffer.concat([last, number(i, bits), input]));
      });
    },
  };
}

const STANDARD: readonly DeriveVector[] = [
  COUNTER_KDF,
  FEEDBACK_KDF,
  pipeline({
    ...{ bits: 8, key: hex('08a5a251b8e4826fbf73292f4cd6c790') },
    input: hex(`
      aa5acbce73a98d4c4f361d5c22a2cc6f6bdc30027aa31af1ba8b15a5bd5b6a34
      d133519ad1a82483c2d2a6dd9a97273a780421`),
    derived: `
      ff1c72ec38b8968a1ce0942a571a1f522ddd2a1c6ffc2b60c90bb54a5c0e9de4
      0d289686cbff127b408ec64ef615b18c1abc0736ae4c94e33e54d832e686276e`,
  }),
  pipeline({
    ...{ bits: 32, key: hex('2451975a33ab0c7535e00abe7b57982335b0471ad857a093c6765e6c58443852') },
    input: hex(`
      fb95eb3c47dcad3b783b045b29bcb6f5aefc0389735843b92b4d8fab97d61350
      b76b2a83442d7c5aa497aa1cf441760281a08b`),
    derived: `
      2f157687f782c8b64325826e3c755194c70abffd9d78c4678924b9d73dcced86
      dcaf7dfa3bf56cf03fa45c7fca05ca1092c41bbd934131e95db2b204241a9d02`,
  }),
];

/** NSS has a second mechanism of each, which derives data instead of keys. */
const AS_DATA = {
  SP800_108_COUNTER_KDF: 'SP800_108_COUNTER_KDF_DERIVE_DATA',
  SP800_108_FEEDBACK_KDF: 'SP800_108_FEEDBACK_KDF_DERIVE_DATA',
  SP800_108_DOUBLE_PIPELINE_KDF: 'SP800_108_DOUBLE_PIPELINE_KDF_DERIVE_DATA',
} as const;

function asData(vector: DeriveVector): DeriveVector {
  const name = AS_DATA[vector.mechanism as keyof typeof AS_DATA];
  const structure =
    vector.mechanism === 'SP800_108_FEEDBACK_KDF'
      ? 'CK_SP800_108_FEEDBACK_KDF_PARAMS'
      : 'CK_SP800_108_KDF_PARAMS';
  return {
    ...{ ...vector, mechanism: NSS[name], name: `CKM_NSS_${name}`, asData: true },
    parameter: (second) => ({ structure, ...(vector.parameter(second) as object) }),
  };
}

export const SP800_108: readonly DeriveVector[] = [...STANDARD, ...STANDARD.map(asData)];
