import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FakeClock } from '../../testing/fake-clock.ts'
import { PACE_BYTES, PACE_MS, PacedReader } from './paced-reader.ts'
import { receive, type Received } from './receive.ts'

let directory: string
let path: string
let clock: FakeClock
let sender: ReadableStreamDefaultController<Uint8Array>
let received: Promise<Received>
/** A read waits for what comes next. */
let isWaiting: boolean

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidewire-receive-'))
  path = join(directory, 'file')
  clock = new FakeClock()
  isWaiting = false
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => void (sender = controller),
      pull: () => void (isWaiting = true),
    },
    { highWaterMark: 0 },
  )
  const init = { method: 'POST', body, duplex: 'half' }
  const request = new Request('http://127.0.0.1', init as RequestInit)
  received = receive(request, path, { maxBytes: 2 ** 20, clock })
  received.catch(() => undefined)
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

async function isWritten(bytes: number): Promise<void> {
  await expect.poll(() => isWaiting && readFileSync(path).length).toBe(bytes)
}

function send(part: Uint8Array): void {
  isWaiting = false
  sender.enqueue(part)
}

it('a file that comes slowly is taken, as long as it comes', async () => {
  await isWritten(0)
  for (let i = 1; i <= 4; i++) {
    send(new Uint8Array(PACE_BYTES).fill(i))
    await isWritten(i * PACE_BYTES)
    await clock.advance(PACE_MS)
  }
  sender.close()
  expect(await received).toMatchObject({ size: 4 * PACE_BYTES })
})

it('a file that only trickles is refused, and leaves nothing', async () => {
  await isWritten(0)
  send(new Uint8Array(PACE_BYTES))
  await isWritten(PACE_BYTES)
  await clock.advance(PACE_MS)
  send(new Uint8Array(PACE_BYTES - 9))
  await isWritten(2 * PACE_BYTES - 9)
  await clock.advance(PACE_MS - 1)
  expect(existsSync(path)).toBe(true)
  // Also where something comes in the moment that it is looked at.
  send(new Uint8Array(1).fill(7))
  send(new Uint8Array(1).fill(7))
  await clock.advance(1)
  sender.close()
  await expect(received).rejects.toMatchObject({ reason: 'unavailable', retryAfterMs: 1_000 })
  expect(existsSync(path)).toBe(false)
})

it('a sender who was too slow while nothing was read is refused at the next read, which takes nothing', async () => {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => void (sender = controller),
  })
  const reader = body.getReader()
  const paced = new PacedReader(reader, clock)
  const part = paced.read()
  await clock.advance(PACE_MS - 1)
  sender.enqueue(new Uint8Array(1).fill(1))
  expect(await part).toMatchObject({ value: new Uint8Array([1]) })
  await clock.advance(1)
  sender.enqueue(new Uint8Array(1).fill(2))
  await expect(paced.read()).rejects.toMatchObject({ reason: 'unavailable' })
  expect(await reader.read()).toMatchObject({ value: new Uint8Array([2]) })
})
