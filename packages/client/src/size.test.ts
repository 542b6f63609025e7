import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { type OutputChunk, rolldown } from 'rolldown'
import { expect, it } from 'vitest'

const CORE = 12 * 1024
const ALL = 17 * 1024

// SPEC.md, C3: what a page pays, minified and gzipped.
it('the client is at most 12 KB, and 17 KB with the transports that are loaded when WebSocket fails', async () => {
  const chunks = await bundle()
  const entry = chunks.find(({ isEntry }) => isEntry)
  const first = chunks.filter((chunk) => chunk === entry || entry?.imports.includes(chunk.fileName))
  const [core, all] = [sizeOf(first), sizeOf(chunks)]
  console.info(`@tidewire/client: ${core} bytes gzipped, ${all} with all transports`)
  expect(core).toBeLessThanOrEqual(CORE)
  expect(all).toBeLessThanOrEqual(ALL)
  // It is the whole: the last transport is in it.
  expect(all).toBeGreaterThan(core)
  expect(chunks.some(({ code }) => code.includes('/v1/poll'))).toBe(true)
})

async function bundle(): Promise<OutputChunk[]> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('index.ts', import.meta.url)),
    platform: 'browser',
    resolve: { conditionNames: ['tidewire-source', 'import'] },
  })
  const { output } = await bundle.generate({ format: 'es', minify: true })
  return output.filter((part) => part.type === 'chunk')
}

function sizeOf(chunks: OutputChunk[]): number {
  return chunks.reduce((sum, { code }) => sum + gzipSync(code).length, 0)
}
