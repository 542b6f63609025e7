import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readLines } from './lines.ts'

async function linesOf(chunks: Iterable<Uint8Array>): Promise<string[]> {
  async function* input() {
    yield* chunks
  }
  const lines: string[] = []
  for await (const line of readLines(input())) lines.push(line)
  return lines
}

test('whatever the text and wherever the chunks are cut, lines end at LF or CR LF only', async () => {
  const character = fc.constantFrom('a', '\n', '\r', '\u2028', 'ä', '☃', '😀', '\0')
  const text = fc.array(character).map((characters) => characters.join(''))
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (text, size) => {
      const bytes = Buffer.from(text)
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      const expected = text.split('\n')
      const rest = expected.pop()
      const ended = expected.map((line) => line.replace(/\r$/, ''))
      expect(await linesOf(chunks)).toEqual(rest === '' ? ended : [...ended, rest])
    }),
  )
})

test('a line without end is refused', async () => {
  const chunks = Array.from({ length: 300 }, () => Buffer.alloc(64 * 1024, 'x'))
  await expect(linesOf(chunks)).rejects.toThrow('longer than 16 M')
})
