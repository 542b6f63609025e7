import { defineConfig } from 'vitest/config'

const resolve = { conditions: ['tidewire-source'] }
const shared = {
  resolve,
  ssr: { resolve },
}

/** What is waited for comes when the machine gets to it: the defaults are little for one that does other things as well. */
const patience = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 15_000 } },
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
          ...patience,
        },
      },
      {
        ...shared,
        test: {
          name: 'faults',
          include: ['faults/src/**/*.test.ts'],
          ...patience,
          fileParallelism: false,
        },
      },
      {
        ...shared,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          globalSetup: ['e2e/setup.ts'],
          ...patience,
          fileParallelism: false,
        },
      },
    ],
  },
})
