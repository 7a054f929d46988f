// Test files that take long and whose subject changes rarely: `npm run test:long` runs them, and so does CI. All others are
// the tests of every day (`npm test`).
export const LONG = [
  'test/package.test.ts',
  'test/bench.test.ts',
  'test/runtime-memory.test.ts',
  'test/keyobject/{handshakes,libraries,memory}.test.ts',
  'test/pkcs11js/{memory,typescript}.test.ts',
];
