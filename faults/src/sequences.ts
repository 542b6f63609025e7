import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** Tests that do random things and hold what clients derive from events against what they are told anew (P11). */
const TESTS = [
  'packages/server/src/features/chat/verify-action.test.ts',
  'packages/server/src/features/notifications/random.test.ts',
  'packages/server/src/features/presence/roster.test.ts',
  'packages/client/src/feed-entries.test.ts',
]
const ROOT = new URL('../../', import.meta.url).pathname
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')
/** Of the end of the output, which says what failed and how it is repeated. */
const KEPT = 4000

export interface SequencesReport {
  seconds: number
  failures: string[]
}

/** Tens of thousands of random sequences of actions, of which `npm test` plays a part. */
export async function playSequences(say: (line: string) => void): Promise<SequencesReport> {
  const began = performance.now()
  const child = spawn(process.execPath, [VITEST, 'run', ...TESTS], {
    cwd: ROOT,
    env: { ...process.env, SEQUENCES: 'nightly', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT)
    })
  }
  const code = await new Promise((resolve) => child.once('close', resolve))
  const seconds = Math.round((performance.now() - began) / 1000)
  const failures = code === 0 ? [] : [output]
  say(`${code === 0 ? 'ok    ' : 'FAILED'} sequences    ${seconds} s`)
  for (const failure of failures) say(failure)
  return { seconds, failures }
}
