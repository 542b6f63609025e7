import { type Down, type Envelope, JSON_SUBPROTOCOL, type Publication } from '@tidewire/protocol'
import { WebSocket } from 'ws'
import { RawReader } from './reader.ts'

/** `GET /v1/ws` with nothing between the frames and the history. */
export class WebSocketReader extends RawReader {
  #socket: WebSocket | undefined
  #paused = false

  /** Reads nothing more, whatever waits, until `resume`. */
  pause(): void {
    this.#paused = true
    this.#socket?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#socket?.resume()
  }

  protected connection(signal: AbortSignal): Promise<void> {
    const { url, token, answers } = this.options
    const address = `${url.replace(/^http/, 'ws')}/v1/ws`
    const socket = new WebSocket(address, [JSON_SUBPROTOCOL, `bearer.${token}`])
    this.#socket = socket
    const stop = (): void => socket.terminate()
    signal.addEventListener('abort', stop)
    socket.on('open', () => {
      if (this.#paused) socket.pause()
      this.#subscribe(socket)
    })
    socket.on('message', (data: Buffer) => {
      if (!signal.aborted) this.#message(socket, JSON.parse(data.toString()) as Envelope)
    })
    return new Promise((_resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', (code) => {
        signal.removeEventListener('abort', stop)
        if (!signal.aborted) answers.closed('websocket', code)
        reject(new Error(`The socket closed with ${code}.`))
      })
    })
  }

  #subscribe(socket: WebSocket): void {
    for (const { channel, position: since } of this.tapes.values()) {
      this.tapes.get(channel)!.asks(since)
      const payload = since === undefined ? { channel } : { channel, since }
      socket.send(JSON.stringify({ type: 'subscribe', payload, metadata: {} }))
    }
  }

  #message(socket: WebSocket, { type, payload, metadata }: Envelope): void {
    if (metadata.channel !== undefined) {
      this.tapes.get(metadata.channel)?.received({ type, payload, metadata } as Publication)
      return
    }
    if (type === 'subscribed') {
      const { channel, epoch = '?', offset, recovered, reason } = payload as Down['subscribed']
      this.tapes.get(channel)?.subscribed({ epoch, offset, recovered, reason })
    } else if (type === 'reset') {
      const { channel, epoch, offset, reason } = payload as Down['reset']
      this.tapes.get(channel)?.reset({ epoch, offset, reason })
    } else if (type === 'server_shutdown') {
      this.options.answers.shutdown(this.name, payload as Down['server_shutdown'])
    } else if (type === 'error') {
      this.options.answers.error('websocket', payload['code'])
      socket.terminate()
    }
  }
}
