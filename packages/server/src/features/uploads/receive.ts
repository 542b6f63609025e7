import { open, unlink } from 'node:fs/promises'
import { ProtocolError } from '@tidewire/protocol'
import type { Server } from '../../server.ts'
import { Inspector } from './inspector.ts'
import { PacedReader, type Reader } from './paced-reader.ts'

export interface Received {
  size: number
  /** What the bytes are. */
  type: string
}

const OWNER_ONLY = 0o600

/** What is read of a body that is refused, so that its sender hears the answer. */
const DRAIN_BYTES = 16 * 2 ** 20
const DRAIN_MS = 2_000

/**
 * Writes the body of a request to a new file, chunk by chunk, and returns when the disk has it. Rejects with
 * `message_too_large`, `storage_full`, `bad_envelope` for an empty one, `unavailable` for one that comes too slowly; whatever
 * it rejects with, the file is gone.
 */
export async function receive(
  request: Request,
  path: string,
  { maxBytes, clock }: { maxBytes: number; clock: Server['clock'] },
): Promise<Received> {
  const body = request.body?.getReader() as Reader | undefined
  const paced = body && new PacedReader(body, clock)
  const inspector = new Inspector()
  try {
    const file = await open(path, 'wx', OWNER_ONLY)
    try {
      for (let part = await paced?.read(); part?.value !== undefined; part = await paced!.read()) {
        inspector.take(part.value)
        if (inspector.size > maxBytes) throw tooLarge(maxBytes)
        await file.appendFile(part.value)
      }
      if (inspector.size === 0) throw new ProtocolError('bad_envelope', 'The file is empty.')
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    await unlink(path).catch(ignoreMissing)
    if (body !== undefined) await drain(body)
    throw toProtocolError(error)
  } finally {
    paced?.stop()
  }
  return { size: inspector.size, type: inspector.type() }
}

/** Not cancelled at once: that would take the connection with it, and the answer. */
async function drain(body: Reader): Promise<void> {
  const cancel = (): void => void body.cancel().catch(() => undefined)
  const timer = setTimeout(cancel, DRAIN_MS)
  try {
    let dropped = 0
    for (let part = await body.read(); part.value !== undefined; part = await body.read()) {
      dropped += part.value.byteLength
      if (dropped > DRAIN_BYTES) return cancel()
    }
  } catch {
    // The sender is gone, and nobody waits for an answer.
  } finally {
    clearTimeout(timer)
  }
}

export function tooLarge(maxBytes: number): ProtocolError {
  return new ProtocolError(
    'message_too_large',
    `The file is larger than ${maxBytes} bytes. Send a smaller one.`,
  )
}

/** What the file system refuses for want of room is `storage_full`; all else stays what it is. */
export function toProtocolError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  const message = 'The disk of the server is full. Try again when there is room.'
  return new ProtocolError('storage_full', message, { cause: error })
}

export function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
