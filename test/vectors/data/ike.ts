/** Key derivation of IKE versions 1 (RFC 2409) and 2 (RFC 7296), computed by node:crypto as the RFCs describe. */
import { createHmac } from 'node:crypto';
import type { MechanismName } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { hex, range, repeat } from '../support/bytes';
import { NSS, type NssMechanism } from '../support/nss';
import type { DeriveVector } from './derive';

const prfMechanism = CKM.SHA256_HMAC;
const prf = (key: Buffer, ...parts: Buffer[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(parts)).digest();

const SKEYID = range(0, 31);
const SECRET = repeat(0x5a, 48);
const [NI, NR] = [range(0x10, 0x2f), range(0x40, 0x5f)];
const [CKY_I, CKY_R] = [range(0x60, 0x67), range(0x70, 0x77)];
const DATA = range(0x80, 0x9f);

/** prf+ of version 2: each block with its number is an input of the next one. */
function prfPlus(key: Buffer, seed: Buffer, length: number): Buffer {
  let [made, last] = [Buffer.alloc(0), Buffer.alloc(0)];
  for (let i = 1; made.length < length; i++) {
    last = Buffer.from(prf(key, last, seed, Buffer.from([i])));
    made = Buffer.concat([made, last]);
  }
  return made.subarray(0, length);
}

type Ike = Omit<DeriveVector, 'mechanism' | 'name' | 'keyType' | 'parameter'> & {
  readonly parameter: (second: bigint) => object;
};

/** Once with the mechanism of PKCS#11 3.1, once with NSS's earlier one; their structures are equal. */
function both(
  [mechanism, own, structure]: readonly [MechanismName, NssMechanism, string],
  vector: Ike,
): DeriveVector[] {
  const parameter = (second: bigint): object => ({ structure, ...vector.parameter(second) });
  return [
    { ...vector, mechanism, parameter, keyType: 'GENERIC_SECRET' },
    { ...vector, mechanism: NSS[own], name: `CKM_NSS_${own}`, parameter, keyType: 'GENERIC_SECRET' },
  ];
}

const PRF = ['IKE_PRF_DERIVE', 'IKE_PRF_DERIVE', 'CK_IKE_PRF_DERIVE_PARAMS'] as const;
const PLUS = ['IKE2_PRF_PLUS_DERIVE', 'IKE_PRF_PLUS_DERIVE', 'CK_IKE2_PRF_PLUS_DERIVE_PARAMS'] as const;
const PRF1 = ['IKE1_PRF_DERIVE', 'IKE1_PRF_DERIVE', 'CK_IKE1_PRF_DERIVE_PARAMS'] as const;
const LONGER = [
  ...(['IKE1_EXTENDED_DERIVE', 'IKE1_APP_B_PRF_DERIVE', 'CK_IKE1_EXTENDED_DERIVE_PARAMS'] as const),
] as const;

export const IKE: readonly DeriveVector[] = [
  ...both(PRF, {
    ...{ source: 'RFC 2409, 5: SKEYID of a pre-shared key, computed', base: SKEYID },
    parameter: () => ({ prfMechanism, dataAsKey: false, rekey: false, ni: NI, nr: NR, newKey: 0n }),
    derived: hex('f45339e4ab0a031b7d274a22c955c3f359cce984849ba625f63db3904cf4d270'),
    judge: () => prf(SKEYID, NI, NR),
  }),
  ...both(PRF, {
    ...{ source: 'RFC 7296, 2.14: SKEYSEED, computed', base: SECRET },
    parameter: () => ({ prfMechanism, dataAsKey: true, rekey: false, ni: NI, nr: NR, newKey: 0n }),
    derived: hex('7468112c740361f0440b8b49969574098b0c8b3d0abbb8511f4683bb37c6a28a'),
    judge: () => prf(Buffer.concat([NI, NR]), SECRET),
  }),
  ...both(PRF, {
    ...{ source: 'RFC 7296, 2.18: SKEYSEED of a new exchange, computed', base: SKEYID, second: SECRET },
    parameter: (newKey) => ({ prfMechanism, dataAsKey: false, rekey: true, ni: NI, nr: NR, newKey }),
    derived: hex('5bd9f768247453282942516c0108698088a63ccff95ac1484082f8c48160eb7d'),
    judge: () => prf(SKEYID, SECRET, NI, NR),
  }),
  ...both(PLUS, {
    ...{ source: 'RFC 7296, 2.13: prf+, computed', base: SKEYID },
    parameter: () => ({ prfMechanism, hasSeedKey: false, seedKey: 0n, seedData: DATA }),
    derived: hex(`
      8d2f952e07a9c1cd3cea5b9b961cf91ff95cfedffe48886f85604d7874fbf953
      df96a41780113cd5c3b24fc6b18a431e0a6ec55bc9fd8af55f0bf49042ba3322
      3efa8ba774309cfc059ac2bec34c46a0`),
    judge: () => prfPlus(SKEYID, DATA, 80),
  }),
  ...both(PRF1, {
    ...{ source: 'RFC 2409, 5: SKEYID_d, computed', base: SKEYID, second: SECRET },
    parameter: (keygxy) => ({
      ...{ prfMechanism, hasPrevKey: false, keygxy, prevKey: 0n, ckYi: CKY_I, ckYr: CKY_R, keyNumber: 0 },
    }),
    derived: hex('9e32e6fd058cf480172b8bd8e9c78fa5cbd5507e74a3c9706f74b0043502d432'),
    judge: () => prf(SKEYID, SECRET, CKY_I, CKY_R, Buffer.from([0])),
  }),
  ...both(LONGER, {
    ...{ source: 'RFC 2409, B: a longer key, computed', base: SKEYID },
    parameter: () => ({ prfMechanism, hasKeygxy: false, keygxy: 0n, extraData: undefined }),
    derived: hex(`
      e711546e3faad4c7c4aa756bc26cad6abea8241984a0f6b0839c70ca61c4ef88
      d7d5b72e4532e11d1238fbcb0854c7db`),
    judge: () => {
      const first = prf(SKEYID, Buffer.from([0]));
      const second = prf(SKEYID, first);
      return Buffer.concat([first, second]).subarray(0, 48);
    },
  }),
];
