/** NIST CAVP, SP 800-135, TLS: the vectors with count 0. NIST has none for SSL 3.0. */
import { hex } from '../support/bytes';
import { type Prf, ssl3, tls10, tls12 } from '../support/tls';

export interface TlsVector {
  readonly source: string;
  /** undefined for versions before 1.2. */
  readonly hash?: 'SHA256' | 'SHA384' | 'SHA512';
  readonly prf: Prf;
  readonly preMasterSecret: Buffer;
  /** The random values of the Hello messages, from which the master secret is derived. */
  readonly serverHelloRandom: Buffer;
  readonly clientHelloRandom: Buffer;
  /** The random values for the key block. */
  readonly serverRandom: Buffer;
  readonly clientRandom: Buffer;
  readonly masterSecret: Buffer;
  readonly keyBlock: Buffer;
}

const LEGACY: TlsVector = {
  source: 'NIST CAVP, TLS 1.0 and 1.1',
  prf: tls10,
  preMasterSecret: hex(`
    bded7fa5c1699c010be23dd06ada3a48349f21e5f86263d512c0c5cc379f0e78
    0ec55d9844b2f1db02a96453513568d0`),
  serverHelloRandom: hex('135e4d557fdf3aa6406d82975d5c606a9734c9334b42136e96990fbd5358cdb2'),
  clientHelloRandom: hex('e5acaf549cd25c22d964c0d930fa4b5261d2507fad84c33715b7b9a864020693'),
  serverRandom: hex('67267e650eb32444119d222a368c191af3082888dc35afe8368e638c828874be'),
  clientRandom: hex('d58a7b1cd4fedaa232159df652ce188f9d997e061b9bf48e83b62990440931f6'),
  masterSecret: hex(`
    2f6962dfbc744c4b2138bb6b3d33054c5ecc14f24851d9896395a44ab3964efc
    2090c5bf51a0891209f46c1e1e998f62`),
  keyBlock: hex(`
    3088825988e77fce68d19f756e18e43eb7fe672433504feaf99b3c503d9091b1
    64f166db301d70c9fc0870b4a94563907bee1a61fb786cb717576890bcc51cb9
    ead97e01d0a2fea99c953377b195205ff07b369589178796edc963fd80fdbe51
    8a2fc1c35c18ae8d`),
};

export const SSL3: TlsVector = {
  ...LEGACY,
  ...{ source: 'computed by node:crypto; input of NIST CAVP, TLS 1.0 and 1.1', prf: ssl3 },
  masterSecret: hex(`
    9eea236f6b327015dff3a495deddabf748749f3cabe331dc507223110b26eb36
    f7dfb8fbef17b82b261b87fb6c55b19f`),
  keyBlock: hex(`
    1495f011b26e1aa291870b49a51659d9bdda678a53eff48f27bb308225c22d7c
    ff9016051e3c14849a8c4d8b65ad2f81ed719413548cfdc2ad0c24acf08aaaa1
    6f766d0f90f3b279a58de64fac3fd0274976cfddf2a3337bfc2039b464bea225
    f11dac2ace0c96c1`),
};

export const TLS10 = LEGACY;

export const TLS12_SHA256: TlsVector = {
  ...{ source: 'NIST CAVP, TLS 1.2, SHA-256', hash: 'SHA256', prf: tls12('sha256') },
  preMasterSecret: hex(`
    f8938ecc9edebc5030c0c6a441e213cd24e6f770a50dda07876f8d55da062bca
    db386b411fd4fe4313a604fce6c17fbc`),
  serverHelloRandom: hex('f6c9575ed7ddd73e1f7d16eca115415812a43c2b747daaaae043abfb50053fce'),
  clientHelloRandom: hex('36c129d01a3200894b9179faac589d9835d58775f9b5ea3587cb8fd0364cae8c'),
  serverRandom: hex('ae6c806f8ad4d80784549dff28a4b58fd837681a51d928c3e30ee5ff14f39868'),
  clientRandom: hex('62e1fd91f23f558a605f28478c58cf72637b89784d959df7e946d3f07bd1b616'),
  masterSecret: hex(`
    202c88c00f84a17a20027079604787461176455539e705be730890602c289a50
    01e34eeb3a043e5d52a65e66125188bf`),
  keyBlock: hex(`
    d06139889fffac1e3a71865f504aa5d0d2a2e89506c6f2279b670c3e1b74f531
    016a2530c51a3a0f7e1d6590d0f0566b2f387f8d11fd4f731cdd572d2eae927f
    6f2f81410b25e6960be68985add6c38445ad9f8c64bf8068bf9a6679485d966f
    1ad6f68b43495b10a683755ea2b858d70ccac7ec8b053c6bd41ca299d4e51928`),
};

export const TLS12_SHA384: TlsVector = {
  ...{ source: 'NIST CAVP, TLS 1.2, SHA-384', hash: 'SHA384', prf: tls12('sha384') },
  preMasterSecret: hex(`
    a5e2642633f5b8c81ad3fe0c2fe3a8e5ef806b06121dd10df4bb0fe857bfdcf5
    22558e05d2682c9a80c741a3aab1716f`),
  serverHelloRandom: hex('cb6e0b3eb02976b6466dfa9651c2919414f1648fd3a7838d02153e5bd39535b6'),
  clientHelloRandom: hex('abe4bf5527429ac8eb13574d2709e8012bd1a113c6d3b1d3aa2c3840518778ac'),
  serverRandom: hex('1b1c8568344a65c30828e7483c0e353e2c68641c9551efae6927d9cd627a107c'),
  clientRandom: hex('954b5fe1849c2ede177438261f099a2fcd884d001b9fe1de754364b1f6a6dd8e'),
  masterSecret: hex(`
    b4d49bfa87747fe815457bc3da15073d6ac73389e703079a3503c09e14bd559a
    5b3c7c601c7365f6ea8c68d3d9596827`),
  keyBlock: hex(`
    10fd89ef689c7ef033387b8a8f3e5e8e7c11f680f6bdd71fbac3246a73e98d45
    d03185dde686e6b2369e4503e9dc5a6d2cee3e2bf2fa3f41d3de57dff3e197c8
    a9d5f74cc2d277119d894f8584b07a0a5822f0bd68b3433ec6adaf5c9406c5f3
    ddbb71bbe17ce98f3d4d5893d3179ef369f57aad908e2bf710639100c3ce7e0c`),
};
