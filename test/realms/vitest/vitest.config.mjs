import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** For test/realms/realms.test.ts, which gives the pool on the command line. */
export default defineConfig({
  root: join(import.meta.dirname, '..', '..', '..'),
  test: {
    include: ['test/realms/vitest/*.vm.mjs'],
    // As dependencies of a project are: vitest does not transform them, but loads them in its realm.
    server: { deps: { external: [/[\\/]dist[\\/]/, /\.cjs$/] } },
    maxWorkers: 1,
    testTimeout: 30_000,
  },
});
