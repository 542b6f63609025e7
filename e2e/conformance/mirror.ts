import { createHash } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import type { Envelope } from './peer.ts'
import { type Act, GREETS } from './vectors/client-acts.ts'
import { close, OPCODE, text, Wire } from './wire.ts'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

interface MessageMetadata {
  offset?: unknown
}

/** The log of the one channel that the mirror serves well: `chat:a`, epoch `e1`, offsets 1 … `newest`. */
export interface MirrorLog {
  epoch: string
  newest: number
}

/**
 * A server for clients to meet. Its first connections do what a vector says; all further ones are served as
 * PROTOCOL.md wants it.
 */
export class Mirror {
  readonly log: MirrorLog
  /** Every connection there was, in order. */
  readonly callers: Caller[] = []
  readonly #server: Server
  readonly #scripts: readonly (readonly Act[])[]
  readonly #sockets = new Set<Socket>()
  /** What went wrong in here, and not in the client. */
  readonly faults: unknown[] = []

  private constructor(scripts: readonly (readonly Act[])[], log: MirrorLog) {
    this.#scripts = scripts
    this.log = log
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#meet(socket))
  }

  static async open(scripts: readonly (readonly Act[])[], newest: number): Promise<Mirror> {
    const mirror = new Mirror(scripts, { epoch: 'e1', newest })
    await new Promise<void>((resolve) => mirror.#server.listen(0, '127.0.0.1', resolve))
    return mirror
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** The log has one more, which everybody hears who is served. */
  publish(): void {
    this.log.newest += 1
    for (const caller of this.callers) caller.deliver(this.log.newest)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #meet(socket: Socket): void {
    this.#sockets.add(socket)
    const script = this.#scripts[this.callers.length]
    const caller = new Caller(new Wire(socket), this.log)
    this.callers.push(caller)
    caller.meet(script).catch((error: unknown) => this.faults.push(error))
  }
}

/** One connection of a client. */
export class Caller {
  readonly #wire: Wire
  readonly #log: MirrorLog
  /** The request line and the headers. */
  head = ''
  /** Everything that the client said, in order. */
  readonly heard: Envelope[] = []
  /** The client said goodbye, or is gone. */
  ended = false
  /** The highest offset that was sent; `undefined` while there is no stream. */
  #sent: number | undefined
  /** What was waited for and has no answer yet. */
  #unanswered: Envelope | undefined
  #over = false

  constructor(wire: Wire, log: MirrorLog) {
    this.#wire = wire
    this.#log = log
  }

  async meet(script: readonly Act[] | undefined): Promise<void> {
    this.head = await this.#wire.head()
    if (this.head === '') return
    for (const act of script ?? WELL) {
      if ((await this.#do(act)) === 'gone') {
        this.ended = true
        return
      }
    }
    // Says nothing any more, and lets the client go when it wants to.
    this.#over = true
    while ((await this.#next()) !== undefined);
    this.ended = true
  }

  deliver(offset: number): void {
    if (this.#sent === undefined || this.ended || offset !== this.#sent + 1) return
    this.#sent = offset
    void this.tell(
      'message',
      { n: offset },
      { channel: 'chat:a', offset, message_id: `m${offset}` },
    )
  }

  tell(type: string, payload: object, metadata: object = {}): Promise<void> {
    return this.#wire.write(text({ type, payload, metadata }, { mask: false }))
  }

  async #do(act: Act): Promise<'gone' | undefined> {
    if ('refuses' in act) await this.#refuse(act.refuses, act.body)
    else if ('upgrades' in act) await this.#upgrade(act.upgrades)
    else if ('sends' in act) await this.#wire.write(act.sends)
    else if ('tells' in act) await this.#tell(act)
    else if ('awaits' in act) return this.#await(act.awaits)
    else if ('serves' in act) return this.#serve()
    else return this.#fall(act.falls)
    return undefined
  }

  async #refuse(status: number, body: object = {}): Promise<void> {
    const content = JSON.stringify(body)
    await this.#wire.write(
      `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nLocation: /elsewhere\r\n` +
        `Content-Length: ${content.length}\r\nConnection: close\r\n\r\n${content}`,
    )
    this.#wire.end()
  }

  async #upgrade(headers: Readonly<Record<string, string | undefined>>): Promise<void> {
    const key = /^sec-websocket-key: *(\S+)/im.exec(this.head)?.[1] ?? ''
    const all = {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Accept': createHash('sha1')
        .update(key + GUID)
        .digest('base64'),
      'Sec-WebSocket-Protocol': 'tidewire.v1.json',
      ...headers,
    }
    const lines = Object.entries(all).filter(([, value]) => value !== undefined)
    await this.#wire.write(
      `HTTP/1.1 101 Switching Protocols\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    )
  }

  /** `$id` is the `message_id` of what was heard last, which this answers. */
  async #tell({ tells, payload, metadata = {} }: Extract<Act, { tells: string }>): Promise<void> {
    const id = String(this.heard.at(-1)?.metadata['message_id'])
    const filled = JSON.parse(JSON.stringify(metadata).replaceAll('$id', id)) as MessageMetadata
    if ('correlation_id' in filled) this.#unanswered = undefined
    if (tells === 'subscribed') this.#sent = Number((payload as { offset: unknown }).offset)
    if (Number.isSafeInteger(filled.offset)) {
      this.#sent = Math.max(this.#sent ?? 0, Number(filled.offset))
    }
    await this.tell(tells, payload, filled)
  }

  async #await(type: string): Promise<'gone' | undefined> {
    for (;;) {
      const received = await this.#next()
      if (received === undefined) return 'gone'
      this.#unanswered = received
      if (received.type === type) return undefined
    }
  }

  /** The next envelope; `undefined` when the client is gone, or said goodbye and was let go. */
  async #next(): Promise<Envelope | undefined> {
    for (;;) {
      const frame = await this.#wire.frame()
      if (frame === undefined) return undefined
      if (frame.opcode === OPCODE.close) {
        if (!this.#over) await this.#wire.write(close(1000, '', { mask: false }))
        this.#wire.end()
        return undefined
      }
      if (frame.opcode !== OPCODE.text) continue
      const received = JSON.parse(frame.payload.toString()) as Envelope
      this.heard.push(received)
      return received
    }
  }

  async #serve(): Promise<'gone'> {
    if (this.#unanswered !== undefined) await this.#answer(this.#unanswered)
    this.#catchUp()
    for (;;) {
      const received = await this.#next()
      if (received === undefined) return 'gone'
      await this.#answer(received)
    }
  }

  async #answer({ type, payload, metadata }: Envelope): Promise<void> {
    const reply = { correlation_id: metadata['message_id'] }
    if (type === 'subscribe') await this.#subscribe(payload, reply)
    else if (type === 'ping') await this.tell('pong', { server_time: '' })
    else if (type === 'auth') await this.tell('auth_response', { status: 'ok', user: 'ada' }, reply)
    else if (typeof metadata['channel'] === 'string') {
      await this.tell('ack', { channel: metadata['channel'], duplicate: false }, reply)
    }
  }

  async #subscribe(payload: Record<string, unknown>, reply: object): Promise<void> {
    const { epoch, newest } = this.#log
    const since = payload['since'] as { epoch: string; offset: number } | undefined
    if (since !== undefined && !isPosition(since)) return this.#refuseSince(reply)
    const recovered = since?.epoch === epoch && since.offset <= newest
    const start = recovered ? since.offset : newest
    const reason = recovered || since === undefined ? {} : { reason: 'epoch_changed' }
    const { channel } = payload
    await this.tell('subscribed', { channel, epoch, offset: start, recovered, ...reason }, reply)
    this.#sent = start
    this.#catchUp()
  }

  #refuseSince(reply: object): Promise<void> {
    const error = { code: 4009, reason: 'bad_envelope', message: 'Bad since.', temporary: false }
    return this.tell('error', error, reply)
  }

  #catchUp(): void {
    if (this.#sent === undefined) return
    for (let offset = this.#sent + 1; offset <= this.#log.newest; offset++) this.deliver(offset)
  }

  #fall(how: 'ends' | 'resets'): 'gone' {
    if (how === 'ends') this.#wire.destroy()
    else this.#wire.destroy({ reset: true })
    return 'gone'
  }
}

function isPosition({ epoch, offset }: { epoch: unknown; offset: unknown }): boolean {
  return typeof epoch === 'string' && Number.isSafeInteger(offset) && Number(offset) >= 0
}

const WELL: readonly Act[] = [{ upgrades: {} }, GREETS, { serves: true }]
