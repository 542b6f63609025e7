import { type Frame, frame, OPCODE, text, Wire } from './wire.ts'

export interface Envelope {
  type: string
  payload: Record<string, unknown>
  metadata: Record<string, unknown>
}

/** What came over a WebSocket: an envelope, the bytes of a binary message as latin1, a control frame, the end. */
export type Heard =
  | Envelope
  | { binary: string }
  | { pong: string }
  | { closed: number | undefined }
  | { ended: true }

export interface Answer {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
}

const HANDSHAKE = {
  Host: 'localhost',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Version': '13',
}

export interface Request {
  method?: string | undefined
  target?: string | undefined
  /** Over those of a good handshake; `undefined` leaves one out. */
  headers?: Readonly<Record<string, string | undefined>> | undefined
}

/** A client that is nothing but bytes. */
export class Peer {
  readonly wire: Wire
  readonly answer: Answer

  private constructor(wire: Wire, answer: Answer) {
    this.wire = wire
    this.answer = answer
  }

  /** Asks for a WebSocket; `answer` says what came of it. */
  static async ask(port: number, request: Request = {}): Promise<Peer> {
    const { method = 'GET', target = '/v1/ws', headers } = request
    const lines = Object.entries({ ...HANDSHAKE, ...headers })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}: ${value}\r\n`)
    const wire = await Wire.connect(port)
    await wire.write(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`)
    return new Peer(wire, parseHead(await wire.head()))
  }

  /** A WebSocket whose greeting was read. */
  static async open(port: number, request: Request = {}): Promise<{ peer: Peer; greeting: Heard }> {
    const peer = await Peer.ask(port, request)
    if (peer.answer.status !== 101) throw new Error(`Refused with ${peer.answer.status}.`)
    return { peer, greeting: await peer.next() }
  }

  async next(): Promise<Heard> {
    const next = await this.wire.frame()
    return next === undefined ? { ended: true } : heard(next)
  }

  send(type: string, payload: object = {}, metadata: object = {}): Promise<void> {
    return this.wire.write(text({ type, payload, metadata }))
  }

  ping(data: string): Promise<void> {
    return this.wire.write(frame(OPCODE.ping, data))
  }
}

function heard({ opcode, payload }: Frame): Heard {
  switch (opcode) {
    case OPCODE.text:
      return JSON.parse(payload.toString()) as Heard
    case OPCODE.binary:
      return { binary: payload.toString('latin1') }
    case OPCODE.pong:
      return { pong: payload.toString() }
    case OPCODE.close:
      return { closed: payload.length === 0 ? undefined : payload.readUInt16BE() }
    default:
      throw new Error(`The server sent a frame with opcode ${opcode}.`)
  }
}

function parseHead(head: string): Answer {
  const [first = '', ...lines] = head.split('\r\n').filter((line) => line !== '')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { status: Number(first.split(' ')[1]), headers: Object.fromEntries(headers) }
}
