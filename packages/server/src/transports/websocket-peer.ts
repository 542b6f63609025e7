import type { Duplex } from 'node:stream'
import { type Codec, type Envelope, ProtocolError } from '@tidewire/protocol'
import { WebSocket } from 'ws'
import type { SessionHandle } from '../core/ports/service.ts'
import type { WebSocketConnection } from './websocket-connection.ts'
import type { Heartbeat } from './websocket-heartbeat.ts'

/** Who takes what comes over a socket. */
interface Peer {
  session: SessionHandle
  codec: Codec
  connection: WebSocketConnection
  heartbeat: Heartbeat
  gone: () => void
}

/** Messages that may be on their way when we say goodbye, before the peer's own goodbye. */
const IGNORED = 64
const TALK: ReadonlySet<string | symbol> = new Set(['message', 'ping', 'pong'])

/**
 * Takes what `ws` tells of a connection where it is told: the same five listeners on every socket would be a twentieth of
 * the memory of each.
 */
export class PeerSocket extends WebSocket {
  /** Undefined until it is served. */
  peer: Peer | undefined
  /** What it runs over. */
  carrier: Duplex | undefined
  #ignored = 0

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (this.readyState === this.CLOSING && TALK.has(event)) return this.#ignore()
    const { peer } = this
    if (peer === undefined) return super.emit(event, ...args)
    const { session, codec, connection, heartbeat, gone } = peer
    switch (event) {
      case 'message':
        connection.heardAt = heartbeat.now
        receive(session, codec, args[0] as Buffer, args[1] as boolean)
        return true
      case 'ping':
      case 'pong':
        connection.heardAt = heartbeat.now
        return true
      case 'error':
        // ws answers broken frames with the right close code by itself; `close` follows.
        heartbeat.forget(connection)
        return true
      case 'close':
        heartbeat.forget(connection)
        session.closed(args[0] as number)
        gone()
        return true
      default:
        return super.emit(event, ...args)
    }
  }

  /** Something came behind our goodbye. Who goes on talking is not read any more: that would keep others waiting. */
  #ignore(): true {
    this.#ignored += 1
    if (this.#ignored !== IGNORED || this.carrier === undefined) return true
    this.carrier.removeAllListeners('data')
    this.carrier.on('data', () => undefined)
    // Its own goodbye is not read either.
    this.carrier.end()
    return true
  }
}

function receive(session: SessionHandle, codec: Codec, data: Buffer, isBinary: boolean): void {
  let envelope: Envelope
  try {
    if (codec.binary && !isBinary) {
      throw new ProtocolError(
        'bad_envelope',
        `\`${codec.subprotocol}\` travels in binary messages.`,
      )
    }
    envelope = codec.decode(isBinary ? data : data.toString())
  } catch (error) {
    // Codecs throw nothing else.
    session.refuse(error as ProtocolError)
    return
  }
  session.receive(envelope)
}
