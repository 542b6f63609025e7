import { defineConfig } from 'vitest/config'

const resolve = { conditions: ['tidewire-source'] }
const shared = {
  resolve,
  ssr: { resolve },
}

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: [
            'packages/*/{src,contract,testing}/**/*.test.{ts,tsx}',
            'apps/*/src/**/*.test.{ts,tsx}',
            'scripts/**/*.test.ts',
            'bench/src/**/*.test.ts',
            'examples/*/*.test.ts',
          ],
          testTimeout: 20_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'faults',
          include: ['faults/src/**/*.test.ts'],
          testTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        ...shared,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          globalSetup: ['e2e/setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
