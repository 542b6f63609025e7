import { describe, expect, it } from 'vitest'
import { MessageBuffer } from './message-buffer.ts'

async function read(buffer: MessageBuffer<number>): Promise<number[]> {
  const values: number[] = []
  for await (const value of buffer) values.push(value)
  return values
}

describe('the buffer behind messages()', () => {
  it('gives what was pushed before and after it is read', async () => {
    const buffer = new MessageBuffer<number>(10, () => undefined)
    buffer.push(1)
    const values = read(buffer)
    buffer.push(2)
    await Promise.resolve()
    buffer.push(3)
    buffer.end()
    expect(await values).toEqual([1, 2, 3])
  })

  it('ends with an error, after what it holds, when it overflows', async () => {
    const buffer = new MessageBuffer<number>(2, () => undefined)
    for (const value of [1, 2, 3, 4]) buffer.push(value)
    expect((await buffer.next()).value).toBe(1)
    expect((await buffer.next()).value).toBe(2)
    await expect(buffer.next()).rejects.toMatchObject({ code: 'buffer_overflow' })
    expect(await buffer.next()).toEqual({ done: true, value: undefined })
  })

  it('ends when its reader leaves, and says so once', async () => {
    let ends = 0
    const buffer = new MessageBuffer<number>(2, () => (ends += 1))
    buffer.push(1)
    for await (const value of buffer) if (value === 1) break
    buffer.end()
    buffer.push(2)
    expect(ends).toBe(1)
    expect(await read(buffer)).toEqual([])
  })
})
