import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

import { hasCompiler } from './generator.ts'
import { readResults } from './results.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tidewire-bench-'))
afterAll(() => rmSync(folder, { recursive: true }))

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 60_000 })
}

describe('npm run bench', () => {
  test.skipIf(!hasCompiler())(
    'measures a scenario, prints its table and writes it down',
    () => {
      const windows = ['--seconds', '0.2', '--warmup', '0.05']
      const { status, stdout, stderr } = bench(
        's1',
        '--quick',
        '--only',
        'ws',
        ...windows,
        '--json',
        folder,
      )
      expect(stderr).toContain('[4/4] ws, 1,000 subscribers, 1 KB: ')
      expect(stdout).toContain('| at most once |')
      expect(status).toBe(0)
      const [results] = readResults(folder, ['s1', 's2'])
      expect(results).toMatchObject({
        id: 's1',
        options: { repeat: 1, seconds: 0.2 },
        versions: { ws: expect.stringMatching(/^\d+\.\d+/) },
      })
      expect(results?.rows).toHaveLength(4)
      expect(results?.rows[0]?.values['rate']?.median).toBeGreaterThan(0)
    },
    60_000,
  )

  test('refuses what it does not know, with a list of what it does', () => {
    const { status, stderr } = bench('s0')
    expect(status).toBe(2)
    expect(stderr).toContain('not "s0".')
    expect(stderr).toContain('npm run bench -- --all')
  })
})
