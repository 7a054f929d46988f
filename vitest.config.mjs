import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    server: { deps: { external: [/[\\/]dist[\\/]/] } }, // Node itself loads the built package, as for a user
    pool: 'forks', // a crash in native code then names its file and spares the others
    maxWorkers: 2,
    reporters: ['default', './test/support/reporter.mjs'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
