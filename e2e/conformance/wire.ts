import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface Frame {
  opcode: number
  /** As in `FrameOptions`. */
  rsv: number
  payload: Buffer
}

export interface FrameOptions {
  fin?: boolean
  /** The three reserved bits: 4 is RSV1, 2 is RSV2, 1 is RSV3. */
  rsv?: number
  /** Clients mask, servers do not. */
  mask?: boolean
  /** Says another length than the payload has, in a field of 7, 16 or 64 bits. */
  length?: { bits: 7 | 16 | 64; value: bigint }
}

/** The bytes of one frame (RFC 6455 §5.2), right or wrong. */
export function frame(
  opcode: number,
  payload: string | Buffer = '',
  options: FrameOptions = {},
): Buffer {
  const { fin = true, rsv = 0, mask = true } = options
  const data = Buffer.from(payload)
  const bits = data.length < 126 ? 7 : data.length < 65_536 ? 16 : 64
  const length = options.length ?? { bits, value: BigInt(data.length) }
  const head = Buffer.alloc(length.bits === 7 ? 2 : length.bits === 16 ? 4 : 10)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] =
    (mask ? 0x80 : 0) | (length.bits === 7 ? Number(length.value) : length.bits === 16 ? 126 : 127)
  if (length.bits === 16) head.writeUInt16BE(Number(length.value), 2)
  if (length.bits === 64) head.writeBigUInt64BE(length.value, 2)
  if (!mask) return Buffer.concat([head, data])
  const key = randomBytes(4)
  return Buffer.concat([head, key, masked(data, key)])
}

export function text(value: string | object, options?: FrameOptions): Buffer {
  return frame(OPCODE.text, typeof value === 'string' ? value : JSON.stringify(value), options)
}

export function close(code?: number, reason: string | Buffer = '', options?: FrameOptions): Buffer {
  const head = Buffer.alloc(code === undefined ? 0 : 2)
  if (code !== undefined) head.writeUInt16BE(code)
  return frame(OPCODE.close, Buffer.concat([head, Buffer.from(reason)]), options)
}

function masked(data: Buffer, key: Buffer): Buffer {
  return data.map((byte, at) => byte ^ key[at % 4]!) as Buffer
}

/** One end of a TCP connection that speaks HTTP first and then frames, with no opinion about what it sends. */
export class Wire {
  readonly #socket: Socket
  #buffer: Buffer = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay()
    socket.on('data', (chunk) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      this.#wake()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    socket.on('end', end)
    socket.on('close', end)
    // A reset is an end like any other here; `close` follows.
    socket.on('error', () => undefined)
  }

  static connect(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () =>
        resolve(new Wire(socket)),
      )
      socket.once('error', reject)
    })
  }

  /** Resolves when the system took the bytes. */
  write(bytes: Buffer | string): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()))
  }

  /** The head of an HTTP message, or what came of it before the connection ended. */
  async head(): Promise<string> {
    await this.#until(() => this.#buffer.includes('\r\n\r\n'))
    const end = this.#buffer.indexOf('\r\n\r\n')
    return this.#take(end < 0 ? this.#buffer.length : end + 4).toString('latin1')
  }

  /** All that comes until the connection ends. */
  async rest(): Promise<Buffer> {
    await this.#until(() => false)
    return this.#take(this.#buffer.length)
  }

  /** The next frame; `undefined` when the connection ended. */
  async frame(): Promise<Frame | undefined> {
    let size: FrameSize | undefined
    await this.#until(() => (size = sizeOf(this.#buffer)) !== undefined)
    if (size === undefined) return undefined
    const bytes = this.#take(size.head + size.payload)
    const payload = bytes.subarray(size.head)
    const key = size.masked ? bytes.subarray(size.head - 4, size.head) : Buffer.alloc(4)
    const first = bytes[0]!
    return { opcode: first & 0x0f, rsv: (first >> 4) & 7, payload: masked(payload, key) }
  }

  /** No more is sent. */
  end(): void {
    this.#socket.end()
  }

  /** Gone without a word; `reset`: with a TCP reset. */
  destroy({ reset = false } = {}): void {
    if (reset) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return taken
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

interface FrameSize {
  head: number
  payload: number
  masked: boolean
}

/** `undefined` while the frame is not there as a whole. */
function sizeOf(buffer: Buffer): FrameSize | undefined {
  if (buffer.length < 2) return undefined
  const masked = buffer[1]! >= 0x80
  const short = buffer[1]! & 0x7f
  const field = short === 126 ? 2 : short === 127 ? 8 : 0
  const head = 2 + field + (masked ? 4 : 0)
  if (buffer.length < head) return undefined
  const payload =
    field === 0 ? short : field === 2 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2))
  return buffer.length < head + payload ? undefined : { head, payload, masked }
}
