import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** One WebSocket that looks at the frames of the server and at nothing else, so that thousands fit into a process. */
export class FrameSocket {
  readonly #socket: Socket
  #buffered: Buffer = Buffer.alloc(0)
  /** Called for each message. */
  onMessage: (message: Buffer) => void = () => undefined
  closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('close', () => (this.closed = true))
  }

  /** Resolves when the server has greeted. */
  static async open(port: number, token: string): Promise<FrameSocket> {
    const socket = connect(port, '127.0.0.1')
    const opened = new FrameSocket(socket)
    await once(socket, 'connect')
    const key = randomBytes(16).toString('base64')
    socket.write(
      `GET /v1/ws?token=${token} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n` +
        'Sec-WebSocket-Protocol: tidewire.v1.json\r\n\r\n',
    )
    await new Promise<void>((resolve, reject) => {
      socket.once('close', () => reject(new Error('The server closed a connection.')))
      opened.onMessage = () => resolve()
      opened.#upgrade(reject)
    })
    return opened
  }

  send(type: string, payload: object, metadata: object = {}): void {
    const body = Buffer.from(JSON.stringify({ type, payload, metadata }))
    const head = body.length < 126 ? 2 : 4
    const frame = Buffer.allocUnsafe(head + 4 + body.length)
    frame[0] = 0x81
    frame[1] = 0x80 | (body.length < 126 ? body.length : 126)
    if (head === 4) frame.writeUInt16BE(body.length, 2)
    // Masked with zeros: the bytes are what they are.
    frame.fill(0, head, head + 4)
    body.copy(frame, head + 4)
    this.#socket.write(frame)
  }

  close(): void {
    this.#socket.destroy()
  }

  #upgrade(refused: (error: Error) => void): void {
    let answer = Buffer.alloc(0)
    const read = (chunk: Buffer): void => {
      answer = Buffer.concat([answer, chunk])
      const end = answer.indexOf('\r\n\r\n')
      if (end < 0) return
      this.#socket.off('data', read)
      if (!answer.subarray(0, 12).equals(SWITCHING)) {
        return refused(new Error(`The server answered ${answer.subarray(0, end).toString()}`))
      }
      this.#socket.on('data', (more: Buffer) => this.#read(more))
      this.#read(answer.subarray(end + 4))
    }
    this.#socket.on('data', read)
  }

  #read(chunk: Buffer): void {
    let bytes = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk])
    for (;;) {
      const frame = frameOf(bytes)
      if (frame === undefined) break
      if (frame.opcode === TEXT) this.onMessage(bytes.subarray(frame.start, frame.end))
      if (frame.opcode === PING) this.#pong(bytes.subarray(frame.start, frame.end))
      bytes = bytes.subarray(frame.end)
    }
    this.#buffered = bytes
  }

  #pong(body: Buffer): void {
    this.#socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | body.length, 0, 0, 0, 0]), body]))
  }
}

const SWITCHING = Buffer.from('HTTP/1.1 101')
const TEXT = 1
const PING = 9

/** Where the first frame ends; undefined while not all of it is there. */
function frameOf(bytes: Buffer): { opcode: number; start: number; end: number } | undefined {
  if (bytes.length < 2) return undefined
  const short = bytes[1]! & 0x7f
  const start = short < 126 ? 2 : short === 126 ? 4 : 10
  if (bytes.length < start) return undefined
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  const end = start + length
  return bytes.length < end ? undefined : { opcode: bytes[0]! & 0x0f, start, end }
}
