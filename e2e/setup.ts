import type { TestProject } from 'vitest/node'
import { provideChromium } from '../scripts/provide-programs.ts'

declare module 'vitest' {
  interface ProvidedContext {
    chromium: string
  }
}

export async function setup({ provide }: TestProject): Promise<void> {
  provide('chromium', await provideChromium())
}
