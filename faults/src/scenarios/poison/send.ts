import {
  type Codec,
  DOWN_FRAME_LIMITS,
  type Down,
  JSON_SUBPROTOCOL,
  jsonCodec,
} from '@tidewire/protocol'
import { MSGPACK_SUBPROTOCOL, msgpackCodec } from '@tidewire/protocol/msgpack'
import { PROTOBUF_SUBPROTOCOL, protobufCodec } from '@tidewire/protocol/protobuf'
import { WebSocket } from 'ws'
import { asBody, asJson, asMsgpack, asProtobuf, type Parts } from './encodings.ts'
import type { Way } from './poisons.ts'

/** What came of one publication. */
export type Sent =
  | { readonly name: 'acked'; readonly epoch: string; readonly offset: number }
  /** An error of PROTOCOL.md §7, or the close code of RFC 6455. */
  | { readonly name: 'refused'; readonly code: number }
  | { readonly name: 'unanswered' }

/** How frames are read, by subprotocol. The codecs of the server read them too: they have tests of their own. */
export const CODECS: Readonly<Record<Exclude<Way, 'http'>, Codec>> = {
  json: jsonCodec(DOWN_FRAME_LIMITS),
  msgpack: msgpackCodec(DOWN_FRAME_LIMITS),
  protobuf: protobufCodec(DOWN_FRAME_LIMITS),
}

const SUBPROTOCOLS = {
  json: JSON_SUBPROTOCOL,
  msgpack: MSGPACK_SUBPROTOCOL,
  protobuf: PROTOBUF_SUBPROTOCOL,
}
const FRAMES = { json: asJson, msgpack: asMsgpack, protobuf: asProtobuf }
const ANSWER_MS = 5000

export function openSocket(url: string, token: string, codec: Exclude<Way, 'http'>): WebSocket {
  const address = `${url.replace(/^http/, 'ws')}/v1/ws`
  return new WebSocket(address, [SUBPROTOCOLS[codec], `bearer.${token}`])
}

/** Decodes what a socket received. */
export function envelopeOf(codec: Exclude<Way, 'http'>, data: Buffer): ReturnType<Codec['decode']> {
  return CODECS[codec].decode(codec === 'json' ? data.toString() : data)
}

/** Publishes over a connection of its own, which the server may end. */
export function send(way: Way, url: string, token: string, parts: Parts): Promise<Sent> {
  return way === 'http' ? post(url, token, parts) : sendFrame(way, url, token, parts)
}

function sendFrame(
  way: Exclude<Way, 'http'>,
  url: string,
  token: string,
  parts: Parts,
): Promise<Sent> {
  const socket = openSocket(url, token, way)
  return new Promise((resolve) => {
    const settle = (sent: Sent): void => {
      clearTimeout(timer)
      socket.terminate()
      resolve(sent)
    }
    const timer = setTimeout(() => settle({ name: 'unanswered' }), ANSWER_MS)
    // `close` follows.
    socket.on('error', () => undefined)
    socket.on('open', () => socket.send(FRAMES[way](parts), { binary: way !== 'json' }))
    socket.on('close', (code) => settle({ name: 'refused', code }))
    socket.on('message', (data: Buffer) => {
      const { type, payload } = envelopeOf(way, data)
      if (type === 'error') settle({ name: 'refused', code: (payload as Down['error']).code })
      if (type !== 'ack') return
      const { epoch = '?', offset = -1 } = payload as Down['ack']
      settle({ name: 'acked', epoch, offset })
    })
  })
}

async function post(url: string, token: string, parts: Parts): Promise<Sent> {
  const path = `${url}/v1/channels/${encodeURIComponent(parts.channel)}/publications`
  const response = await fetch(path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: new Uint8Array(asBody(parts)),
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  const body = (await response.json()) as { code?: number; epoch?: string; offset?: number }
  if (!response.ok) return { name: 'refused', code: body.code ?? response.status }
  return { name: 'acked', epoch: body.epoch ?? '?', offset: body.offset ?? -1 }
}
