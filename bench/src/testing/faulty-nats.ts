import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

export interface NatsFaults {
  /** What a subscriber is sent in place of `message`, a whole `MSG`. */
  deliver?: (message: string) => string[]
  /** What the reply subject gets in place of `answer`; undefined: nothing. */
  acknowledge?: (answer: string) => string | undefined
}

interface Subscription {
  subject: string
  sid: string
  socket: Socket
}

/** As much of NATS and of JetStream's acks as the generator speaks, with faults. */
export class FaultyNats implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  readonly #faults: NatsFaults
  readonly #sockets: Socket[] = []
  readonly #subscriptions: Subscription[] = []

  private constructor(server: Server, faults: NatsFaults) {
    this.port = (server.address() as AddressInfo).port
    this.#server = server
    this.#faults = faults
    server.on('connection', (socket: Socket) => this.#connect(socket))
  }

  static async start(faults: NatsFaults): Promise<FaultyNats> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultyNats(server, faults)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #connect(socket: Socket): void {
    this.#sockets.push(socket)
    socket.on('error', () => socket.destroy()) // the generator has left
    socket.write('INFO {}\r\n')
    let rest = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n')
      rest = lines.pop() ?? ''
      while (lines.length > 0) {
        const line = lines.shift() ?? ''
        const [verb, subject = '', second = ''] = line.split(' ')
        if (verb === 'PING') socket.write('PONG\r\n')
        if (verb === 'SUB') this.#subscriptions.push({ subject, sid: second, socket })
        if (verb !== 'PUB') continue
        const payload = lines.shift()
        if (payload === undefined) {
          rest = `${line}\r\n${rest}`
          return
        }
        this.#publish(subject, second, payload)
      }
    })
  }

  #publish(subject: string, reply: string, payload: string): void {
    const deliver = this.#faults.deliver ?? ((message: string) => [message])
    for (const { sid, socket } of this.#to(subject)) {
      const message = `MSG ${subject} ${sid} ${payload.length}\r\n${payload}\r\n`
      for (const text of deliver(message)) socket.write(text)
    }
    const acknowledge = this.#faults.acknowledge ?? ((text: string) => text)
    const answer = acknowledge('{"stream":"BENCH","seq":1}')
    if (answer === undefined) return
    for (const { sid, socket } of this.#to(reply)) {
      socket.write(`MSG ${reply} ${sid} ${answer.length}\r\n${answer}\r\n`)
    }
  }

  #to(subject: string): Subscription[] {
    return this.#subscriptions.filter(
      (subscription) =>
        subscription.subject === subject ||
        (subscription.subject.endsWith('*') &&
          subject.startsWith(subscription.subject.slice(0, -1))),
    )
  }
}
