import { createHash } from 'node:crypto';
import type { MechanismName } from 'cryptoki';
import { hex, text } from '../support/bytes';
import { md2 } from '../support/md2';

export interface DigestVector {
  readonly source: string;
  readonly mechanism: MechanismName;
  readonly message: Buffer;
  readonly digest: Buffer;
  /** The result by node:crypto, or by an implementation of the tests. */
  readonly judge: () => Buffer;
}

const abc = text('abc');
const bits448 = text('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq');
const bits896 = text(
  'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu',
);
const million = Buffer.alloc(1_000_000, 'a');

const vector =
  (mechanism: MechanismName, node: string, standard: string) =>
  (name: string, message: Buffer, digest: string): DigestVector => ({
    source: `${standard}, ${name}`,
    ...{ mechanism, message, digest: hex(digest) },
    judge: () => createHash(node).update(message).digest(),
  });

/** node:crypto has no MD2. */
const md2Vector = (name: string, digest: string): DigestVector => ({
  ...{ source: `RFC 1319, A.5, "${name}"`, mechanism: 'MD2', message: text(name), digest: hex(digest) },
  judge: () => md2(text(name)),
});

const examples = 'FIPS 180-4 examples (NIST CSRC)';
const sha1 = vector('SHA_1', 'sha1', examples);
const sha224 = vector('SHA224', 'sha224', examples);
const sha256 = vector('SHA256', 'sha256', examples);
const sha384 = vector('SHA384', 'sha384', examples);
const sha512 = vector('SHA512', 'sha512', examples);
const md5 = vector('MD5', 'md5', 'RFC 1321, A.5');
const sha3 = (bits: 224 | 256 | 384 | 512, digest: string): DigestVector =>
  vector(`SHA3_${bits}`, `sha3-${bits}`, 'FIPS 202 examples (NIST CSRC)')('"abc"', abc, digest);

export const DIGESTS: readonly DigestVector[] = [
  md2Vector('', '8350e5a3e24c153df2275c9f80692773'),
  md2Vector('abc', 'da853b0d3f88d99b30283a69e6ded6bb'),
  md2Vector('abcdefghijklmnopqrstuvwxyz', '4e8ddff3650292ab5a4108c3aa47940b'),
  sha1('"abc"', abc, 'a9993e36 4706816a ba3e2571 7850c26c 9cd0d89d'),
  sha1('448 bits', bits448, '84983e44 1c3bd26e baae4aa1 f95129e5 e54670f1'),
  sha1('a million of "a"', million, '34aa973c d4c4daa4 f61eeb2b dbad2731 6534016f'),
  sha1('the empty message', text(''), 'da39a3ee 5e6b4b0d 3255bfef 95601890 afd80709'),
  sha224('"abc"', abc, '23097d22 3405d822 8642a477 bda255b3 2aadbce4 bda0b3f7 e36c9da7'),
  sha224('448 bits', bits448, '75388b16 512776cc 5dba5da1 fd890150 b0c6455c b4f58b19 52522525'),
  sha256('"abc"', abc, 'ba7816bf 8f01cfea 414140de 5dae2223 b00361a3 96177a9c b410ff61 f20015ad'),
  sha256('448 bits', bits448, '248d6a61 d20638b8 e5c02693 0c3e6039 a33ce459 64ff2167 f6ecedd4 19db06c1'),
  sha256(
    'a million of "a"',
    million,
    'cdc76e5c 9914fb92 81a1c7e2 84d73e67 f1809a48 a497200e 046d39cc c7112cd0',
  ),
  sha256(
    'the empty message',
    text(''),
    'e3b0c442 98fc1c14 9afbf4c8 996fb924 27ae41e4 649b934c a495991b 7852b855',
  ),
  sha384(
    '"abc"',
    abc,
    `cb00753f45a35e8b b5a03d699ac65007 272c32ab0eded163 1a8b605a43ff5bed
     8086072ba1e7cc23 58baeca134c825a7`,
  ),
  sha384(
    '896 bits',
    bits896,
    `09330c33f71147e8 3d192fc782cd1b47 53111b173b3b05d2 2fa08086e3b0f712
     fcc7c71a557e2db9 66c3e9fa91746039`,
  ),
  sha512(
    '"abc"',
    abc,
    `ddaf35a193617aba cc417349ae204131 12e6fa4e89a97ea2 0a9eeee64b55d39a
     2192992a274fc1a8 36ba3c23a3feebbd 454d4423643ce80e 2a9ac94fa54ca49f`,
  ),
  sha512(
    '896 bits',
    bits896,
    `8e959b75dae313da 8cf4f72814fc143f 8f7779c6eb9f7fa1 7299aeadb6889018
     501d289e4900f7e4 331b99dec4b5433a c7d329eeb6dd2654 5e96e55b874be909`,
  ),
  vector('SHA512_224', 'sha512-224', examples)(
    '"abc"',
    abc,
    '4634270f 707b6a54 daae7530 460842e2 0e37ed26 5ceee9a4 3e8924aa',
  ),
  vector('SHA512_256', 'sha512-256', examples)(
    '"abc"',
    abc,
    '53048e26 81941ef9 9b2e29b7 6b4c7dab e4c2d0c6 34fc6d46 e0e2f131 07e7af23',
  ),
  sha3(224, 'e642824c3f8cf24a d09234ee7d3c766f c9a3a5168d0c94ad 73b46fdf'),
  sha3(256, '3a985da74fe225b2 045c172d6bd390bd 855f086e3e9d525b 46bfe24511431532'),
  sha3(
    384,
    `ec01498288516fc9 26459f58e2c6ad8d f9b473cb0fc08c25 96da7cf0e49be4b2
     98d88cea927ac7f5 39f1edf228376d25`,
  ),
  sha3(
    512,
    `b751850b1a57168a 5693cd924b6b096e 08f621827444f70d 884f5d0240d2712e
     10e116e9192af3c9 1a7ec57647e39340 57340b4cf408d5a5 6592f8274eec53f0`,
  ),
  md5('the empty message', text(''), 'd41d8cd98f00b204e9800998ecf8427e'),
  md5('"abc"', abc, '900150983cd24fb0d6963f7d28e17f72'),
  md5('"message digest"', text('message digest'), 'f96b697d7cb7938d525a2f31aaf161d0'),
  md5('80 digits', text('1234567890'.repeat(8)), '57edf4a22be3c955ac49da2e2107b67a'),
];
