import type { IncomingMessage } from 'node:http'
import {
  type FrameLimits,
  type Json,
  type JsonObject,
  ProtocolError,
  toEnvelope,
} from '@tidewire/protocol'
import type { HonoRequest } from 'hono'

/** Bytes beyond those of a frame: a hundred channel names and the fields around the payload. */
const SLACK = 32 * 1024
const DISCARD_BYTES = 16 * 1024 * 1024
const DISCARD_MS = 2_000
const UTF_8 = new TextDecoder('utf-8', { fatal: true })

export function maxBodyBytes(limits: FrameLimits): number {
  return limits.max_frame_bytes + SLACK
}

export function bodyTooLarge(maxBytes: number): ProtocolError {
  return new ProtocolError(
    'message_too_large',
    `The body is larger than ${maxBytes} bytes. Send less at once.`,
  )
}

/**
 * The body of a request: a JSON object within the limits of a frame, whatever its content type says.
 * Rejects with `bad_envelope` or `message_too_large`.
 */
export async function jsonBody(request: HonoRequest, limits: FrameLimits): Promise<JsonObject> {
  return toJsonBody(await readBytes(request, limits), limits)
}

/** What `jsonBody` makes of bytes. Throws as it rejects. */
export function toJsonBody(bytes: ArrayBuffer | Uint8Array, limits: FrameLimits): JsonObject {
  const body = parse(toText(bytes))
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ProtocolError('bad_envelope', 'The body is not a JSON object.')
  }
  // What is the payload of a frame is one level further down here.
  const depth = { ...limits, max_depth: limits.max_depth + 1 }
  return toEnvelope({ type: 'body', payload: body }, depth).payload
}

/**
 * Reads and drops what is left of a body before its request is answered: a connection that is closed with unread bytes
 * takes the answer with it. Within bounds, after which the answer has to take its chance.
 */
export async function discardBody(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return
  let dropped = 0
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, DISCARD_MS)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    request.on('data', (chunk: Buffer) => {
      dropped += chunk.byteLength
      if (dropped > DISCARD_BYTES) done()
    })
    request.once('close', done)
    request.once('end', done)
  })
}

/** The body as Node brings it. Rejects when it breaks off. */
export function readAll(request: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const brokenOff = (): void => reject(new Error('The body broke off.'))
    if (request.destroyed) return brokenOff()
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    request.once('close', brokenOff)
  })
}

async function readBytes(
  request: HonoRequest,
  limits: FrameLimits,
): Promise<ArrayBuffer | Uint8Array> {
  const length = request.header('content-length')
  return length === undefined
    ? readChunks(request.raw.body, maxBodyBytes(limits))
    : readAnnounced(request, Number(length), limits)
}

function toText(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return UTF_8.decode(bytes)
  } catch (cause) {
    throw new ProtocolError('bad_envelope', 'The body is not valid UTF-8.', { cause })
  }
}

async function readAnnounced(
  request: HonoRequest,
  length: number,
  limits: FrameLimits,
): Promise<ArrayBuffer> {
  // Node holds the peer to the length that it announced.
  if (length > maxBodyBytes(limits)) throw bodyTooLarge(maxBodyBytes(limits))
  return request.arrayBuffer()
}

/** The whole body, of whatever length. Rejects with `message_too_large`. */
export async function readChunks(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw bodyTooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (cause) {
    throw new ProtocolError('bad_envelope', 'The body is not valid JSON.', { cause })
  }
}
