import { createHash } from 'node:crypto';
import { hex } from '../support/bytes';

export interface EddsaVector {
  readonly source: string;
  readonly curve: 'Ed25519' | 'Ed448';
  readonly value: Buffer;
  readonly point: Buffer;
  readonly message: Buffer;
  readonly signature: Buffer;
}

const vector = (
  name: string,
  value: string,
  point: string,
  message: Buffer,
  signature: string,
): EddsaVector => ({
  ...{ source: `RFC 8032, 7.1, ${name}`, curve: 'Ed25519', message },
  ...{ value: hex(value), point: hex(point), signature: hex(signature) },
});

export const EDDSA: readonly EddsaVector[] = [
  vector(
    'TEST 1',
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    hex(''),
    `e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
     5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b`,
  ),
  vector(
    'TEST 2',
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    hex('72'),
    `92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
     085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00`,
  ),
  vector(
    'TEST 3',
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    hex('af82'),
    `6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
     18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a`,
  ),
  vector(
    'TEST SHA(abc)',
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    createHash('sha512').update('abc').digest(),
    `dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589
     09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704`,
  ),
  {
    ...{ source: 'RFC 8032, 7.4, Blank', curve: 'Ed448', message: hex('') },
    value: hex(`
      6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3
      528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b`),
    point: hex(`
      5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778
      edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180`),
    signature: hex(`
      533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f
      2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980ff0d2028d4b18a
      9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4db
      b61149f05a7363268c71d95808ff2e652600`),
  },
];
