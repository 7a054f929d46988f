// Long tests of subjects that change rarely. `npm run test:long` and CI run them. All other tests are those of `npm test`.
export const LONG = [
  'test/package/package.test.ts',
  'test/package/bundlers.test.ts',
  'test/package/bench.test.ts',
  'test/runtime/memory.test.ts',
  'test/native-keys/{handshakes,libraries,memory}.test.ts',
  'test/pkcs11js/{memory,typescript}.test.ts',
];
