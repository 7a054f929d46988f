import { configDefaults, defineConfig } from 'vitest/config';
import { LONG } from './test/long.mjs';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...LONG],
    server: { deps: { external: [/[\\/]dist[\\/]/] } }, // Node itself loads the built package, as for a user
    pool: 'forks', // a crash in native code then names its file and spares the others
    maxWorkers: 2,
    reporters: ['default', './test/support/reporter.mjs'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
