import { defineConfig } from 'vitest/config'

const project = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 20_000, ...extra },
})

/** `unit`, `model` and `sim` need nothing; `kernel` and `e2e` need root, runc and a Linux of their own to play with. */
export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      project('unit'),
      project('model'),
      project('sim', { testTimeout: 60_000 }),
      project('kernel', { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false }),
      project('conformance', { testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false }),
      project('e2e', { testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false }),
    ],
  },
})
