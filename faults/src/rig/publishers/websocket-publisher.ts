import { type Down, type Envelope, JSON_SUBPROTOCOL } from '@tidewire/protocol'
import { WebSocket } from 'ws'
import { type Draft, type Outcome, Publisher } from './publisher.ts'

/** Pipelined publishes over one socket, which is opened again whenever it is needed. */
export class WebSocketPublisher extends Publisher {
  #socket: WebSocket | undefined
  readonly #waiting = new Map<string, (outcome: Outcome) => void>()
  #closed = false

  protected get closed(): boolean {
    return this.#closed
  }

  protected attempt({ channel, key, payload }: Draft): Promise<Outcome> {
    const socket = this.#open()
    const frame = { type: 'message', payload, metadata: { message_id: key, channel } }
    const text = JSON.stringify(frame)
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer)
        this.#waiting.delete(key)
        resolve(outcome)
      }
      const timer = setTimeout(() => settle({ name: 'unanswered' }), this.options.answerMs)
      this.#waiting.set(key, settle)
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
      else socket.once('open', () => socket.send(text))
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#socket?.terminate()
    for (const settle of this.#waiting.values()) settle({ name: 'unanswered' })
  }

  #open(): WebSocket {
    if (this.#socket !== undefined) return this.#socket
    const { url, token, answers } = this.options
    const address = `${url.replace(/^http/, 'ws')}/v1/ws`
    const socket = new WebSocket(address, [JSON_SUBPROTOCOL, `bearer.${token}`])
    this.#socket = socket
    // Every publish that waits for the handshake is one.
    socket.setMaxListeners(0)
    socket.on('message', (data: Buffer) => this.#answer(JSON.parse(data.toString()) as Envelope))
    // `close` follows.
    socket.on('error', () => undefined)
    socket.on('close', (code) => {
      this.#socket = undefined
      if (!this.#closed) answers.closed('publish', code)
      for (const settle of this.#waiting.values()) settle({ name: 'unanswered' })
    })
    return socket
  }

  #answer({ type, payload, metadata }: Envelope): void {
    const settle = this.#waiting.get(metadata.correlation_id ?? '')
    if (settle === undefined) return
    if (type === 'error') return settle(this.outcomeOf('publish', payload['code']))
    if (type !== 'ack') return
    const { epoch = '?', offset = -1, duplicate } = payload as Down['ack']
    settle({ name: 'acked', epoch, offset, duplicate })
  }
}
