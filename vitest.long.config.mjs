// The long tests; see test/long.mjs.
import { configDefaults, defineConfig } from 'vitest/config';
import { LONG } from './test/long.mjs';
import everyday from './vitest.config.mjs';

export default defineConfig({
  ...everyday,
  test: { ...everyday.test, include: LONG, exclude: configDefaults.exclude },
});
