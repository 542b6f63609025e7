import { expect } from 'vitest'
import { settle } from './conversation.ts'
import type { Heard, Peer } from './peer.ts'
import type { FrameVector } from './vectors/rfc6455-frames.ts'
import type { HandshakeAnswer } from './vectors/rfc6455-handshakes.ts'

/** Sends the frames of a vector. Returns as many words for what came back as it expects. */
export async function exchange(peer: Peer, vector: FrameVector): Promise<Exchanged> {
  for (const bytes of bytesOf(vector)) await peer.wire.write(bytes)
  const heard: Heard[] = []
  for (const _ of vector.expect) heard.push(await peer.next())
  return { words: heard.map(say), last: heard.at(-1) }
}

/** What came back, and the last of it for `settle`. */
export interface Exchanged {
  words: string[]
  last: Heard | undefined
}

/** What else an answer says; one that accepted is followed by a connection that is alive. */
export async function checkAccepted(peer: Peer, answer: HandshakeAnswer): Promise<void> {
  expect(picked(peer.answer.headers, answer)).toEqual(answer.headers ?? {})
  if (answer.status !== 101) return
  expect(await peer.next()).toMatchObject({ type: 'connection_established' })
  await settle(peer, undefined)
}

/** One word or two for what was heard. */
function say(heard: Heard): string {
  if ('type' in heard) return `message ${heard.type}`
  if ('pong' in heard) return `pong ${heard.pong}`.trim()
  if ('closed' in heard) return `close ${heard.closed ?? ''}`.trim()
  return 'binary' in heard ? 'binary' : 'end'
}

function bytesOf({ send, bytewise }: FrameVector): Buffer[] {
  // At once, since an end of the connection that finds us writing would take with it what was not read yet.
  const all = Buffer.concat(send)
  return bytewise === true ? Array.from(all, (byte) => Buffer.of(byte)) : [all]
}

function picked(
  headers: Record<string, string>,
  { headers: wanted = {} }: HandshakeAnswer,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.keys(wanted).map((name) => [
      name,
      name === 'connection' ? headers[name]?.toLowerCase() : headers[name],
    ]),
  )
}
