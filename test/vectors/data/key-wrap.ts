import { hex } from '../support/bytes';

export interface WrapVector {
  readonly source: string;
  /** RFC 3394, RFC 5649, or PKCS#7 padding before RFC 3394. */
  readonly kind: 'plain' | 'kwp' | 'pkcs7';
  /** The wrapping key. */
  readonly kek: Buffer;
  /** The key to wrap. */
  readonly key: Buffer;
  readonly wrapped: Buffer;
}

const KEK = hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
const KEY = hex('00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f');

const rfc3394 = (section: string, kek: number, key: number, wrapped: string): WrapVector => ({
  ...{ source: `RFC 3394, ${section}`, kind: 'plain', wrapped: hex(wrapped) },
  ...{ kek: KEK.subarray(0, kek / 8), key: KEY.subarray(0, key / 8) },
});

const KWP_KEK = hex('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8');

export const WRAPS: readonly WrapVector[] = [
  rfc3394('4.1', 128, 128, '1fa68b0a8112b447 aef34bd8fb5a7b82 9d3e862371d2cfe5'),
  rfc3394('4.2', 192, 128, '96778b25ae6ca435 f92b5b97c050aed2 468ab8a17ad84e5d'),
  rfc3394('4.3', 256, 128, '64e8c3f9ce0f5ba2 63e9777905818a2a 93c8191e7d6e8ae7'),
  rfc3394('4.4', 192, 192, '031d33264e15d332 68f24ec260743edc e1c6c7ddee725a93 6ba814915c6762d2'),
  rfc3394('4.5', 256, 192, 'a8f9bc1612c68b3f f6e6f4fbe30e71e4 769c8b80a32cb895 8cd5d17d6b254da1'),
  rfc3394(
    '4.6',
    256,
    256,
    '28c9f404c4b810f4 cbccb35cfb87f826 3f5786e2d80ed326 cbc7f0e71a99f43b fb988b9b7a02dd21',
  ),
  {
    ...{ source: 'RFC 5649, 6 (20 bytes)', kind: 'kwp', kek: KWP_KEK },
    key: hex('c37b7e6492584340 bed1220780894115 5068f738'),
    wrapped: hex('138bdeaa9b8fa7fc 61f97742e72248ee 5ae6ae5360d1ae6a 5f54f373fa543b6a'),
  },
  {
    ...{ source: 'RFC 5649, 6 (7 bytes)', kind: 'kwp', kek: KWP_KEK },
    ...{ key: hex('466f7250617369'), wrapped: hex('afbeb0f07dfbf541 9200f2ccb50bb24f') },
  },
  {
    ...{
      source: 'computed by node:crypto with the key of RFC 5649, 6 (16 bytes)',
      kind: 'kwp',
      kek: KWP_KEK,
    },
    ...{ key: KEY.subarray(0, 16), wrapped: hex('3d5096111d227d3c 97f6a8d619ccf2ee 7912eebeb1b41e43') },
  },
  {
    // No standard has an example of this padding.
    ...{ source: 'computed by node:crypto with the key of RFC 3394, 4.1', kind: 'pkcs7' },
    ...{ kek: KEK.subarray(0, 16), key: hex('00112233445566778899') },
    wrapped: hex('87ac83d77e48b60d 6ea07eb5b61263d6 6da8b4ef9e739a74'),
  },
];
