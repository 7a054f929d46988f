import { hex } from '../support/bytes';

/** RFC 6979, A.2.1 (1024 bits). */
export const DSA_KEY = {
  p: hex(`
    86f5ca03dcfeb225063ff830a0c769b9dd9d6153ad91d7ce27f787c43278b447e6533b86b18bed6e8a48b784a14c252c
    5be0dbf60b86d6385bd2f12fb763ed8873abfd3f5ba2e0a8c0a59082eac056935e529daf7c610467899c77adedfc846c
    881870b7b19b2b58f9be0521a17002e3bdd6b86685ee90b3d9a1b02b782b1779`),
  q: hex('996f967f6c8e388d9e28d01e205fba957a5698b1'),
  g: hex(`
    07b0f92546150b62514bb771e2a0c0ce387f03bda6c56b505209ff25fd3c133d89bbcd97e904e09114d9a7defdeadfc9
    078ea544d2e401aeecc40bb9fbbf78fd87995a10a1c27cb7789b594ba7efb5c4326a9fe59a070e136db77175464adca4
    17be5dce2f40d10a46a3a3943f26ab7fd9c0398ff8c76ee0a56826a8a88f1dbd`),
  x: hex('411602cb19a6ccc34494d79d98ef1e7ed5af25f7'),
  y: hex(`
    5df5e01ded31d0297e274e1691c192fe5868fef9e19a84776454b100cf16f65392195a38b90523e2542ee61871c0440c
    b87c322fc4b4d2ec5e1e7ec766e1be8d4ce935437dc11c3c8fd426338933ebfe739cb3465f4d3668c5e473508253b1e6
    82f65cbdc4fae93c2ea212390e54905a86e2223170b44eaa7da5dd9ffcfb7f3b`),
};

/** Signatures of "sample": r followed by s. */
export const DSA_SIGNATURES = [
  {
    hash: 'SHA1',
    message: 'sample',
    signature: hex(`
    2e1a0c2562b2912caaf89186fb0f42001585da5529efb6b0aff2d7a68eb70ca313022253b9a88df5`),
  },
  {
    hash: 'SHA224',
    message: 'sample',
    signature: hex(`
    4bc3b686aea70145856814a6f1bb53346f02101e410697b92295d994d21edd2f4ada85566f6f94c1`),
  },
  {
    hash: 'SHA256',
    message: 'sample',
    signature: hex(`
    81f2f5850be5bc123c43f71a3033e9384611c5454cdd914b65eb6c66a8aaad27299bee6b035f5e89`),
  },
  {
    hash: 'SHA384',
    message: 'sample',
    signature: hex(`
    07f2108557ee0e3921bc1774f1ca9b410b4ce65a54df70456c86fac10fab47c1949ab83f2c6f7595`),
  },
  {
    hash: 'SHA512',
    message: 'sample',
    signature: hex(`
    16c3491f9b8c3fbbdd5e7a7b667057f0d8ee8e1b02c36a127a7b89edbb72e4ffbc71dabc7d4fc69c`),
  },
] as const;
