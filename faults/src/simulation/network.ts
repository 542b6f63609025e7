import { type Envelope, jsonCodec, ProtocolError } from '@tidewire/protocol'
import type { WebSocketConstructor } from '@tidewire/client'
import type { Actor, Batch, Connection, SessionHandle } from '@tidewire/server/testing'
import { FAIR, Lane, type Weather } from './lane.ts'
import type { Node, Simulator } from './simulator.ts'
import { SimulatedSocket, type WireTap } from './socket.ts'

/** What answers at an address: the part of the core that transports use. */
export interface Service {
  authenticate(token: string | undefined): Promise<Actor>
  open(connection: Connection, actor: Actor | undefined): SessionHandle
}

export interface Host {
  readonly node: Node
  /** Undefined while nothing listens there. */
  service: Service | undefined
}

/** As `transports/websocket.ts` has it: a peer is pinged after 25 s of silence and given up after 35 s. */
const CHECK_EVERY_MS = 12_500
const PING_AFTER_MS = 25_000
const DEAD_AFTER_MS = 35_000
const BEARER = 'bearer.'
const FRAMING = 8
/** What a closed connection may still send. */
const LINGER_MS = 1_000

const codec = jsonCodec()

/** The addresses of a world, and the connections between them. */
export class Network {
  readonly simulator: Simulator
  /** Behind one address: each connection comes to one of them, be it up or down. */
  readonly hosts: Host[] = []
  readonly links = new Set<Link>()
  /** How many were asked for. */
  connections = 0
  /** Of new connections. */
  weather: Weather = { ...FAIR }
  readonly #texts = new WeakMap<Envelope, string>()

  constructor(simulator: Simulator) {
    this.simulator = simulator
  }

  /** Encoded once, however many receive it. */
  textOf(envelope: Envelope): string {
    let text = this.#texts.get(envelope)
    if (text === undefined) this.#texts.set(envelope, (text = codec.encode(envelope)))
    return text
  }

  /** The WebSocket of one client; `tap` hears what goes through each of its connections. */
  webSocket(node: Node, tap: () => WireTap): WebSocketConstructor {
    const connect = (socket: SimulatedSocket, token: string | undefined): Link =>
      new Link(this, node, this.simulator.chance.pick(this.hosts), socket, token)
    return class extends SimulatedSocket {
      constructor(_: string, protocols: string[] = []) {
        super(tap())
        const bearer = protocols.find((protocol) => protocol.startsWith(BEARER))
        this.attach(connect(this, bearer?.slice(BEARER.length)))
      }
    }
  }
}

/** One WebSocket between a client and a server, with what either end does below the protocol. */
export class Link {
  readonly client: Node
  readonly host: Host
  readonly weather: Weather
  readonly up: Lane
  readonly down: Lane
  readonly #network: Network
  readonly #socket: SimulatedSocket
  #session: SessionHandle | undefined
  #heardAt = 0
  #ended = false

  constructor(
    network: Network,
    client: Node,
    host: Host,
    socket: SimulatedSocket,
    token: string | undefined,
  ) {
    this.#network = network
    this.client = client
    this.host = host
    this.#socket = socket
    this.weather = { ...network.weather }
    const { simulator } = network
    const weather = (): Weather => this.weather
    this.up = new Lane(simulator, [client, host.node], weather, () => Infinity)
    const downSpeed = (): number => this.weather.downSpeed
    this.down = new Lane(simulator, [host.node, client], weather, downSpeed)
    network.links.add(this)
    network.connections += 1
    if (host.service === undefined) this.reset()
    else this.up.send(FRAMING, () => this.#accept(token))
  }

  /** The client's frame leaves. */
  sendUp(text: string): void {
    this.up.send(text.length + FRAMING, () => {
      this.#heardAt = this.#network.simulator.now
      this.#receive(text)
    })
  }

  /** The client says goodbye. */
  leave(code: number): void {
    this.up.send(FRAMING, () => {
      this.#session?.closed(code)
      this.down.send(FRAMING, () => {
        this.#socket.closed(code, '')
        this.#end()
      })
    })
  }

  /** The connection breaks, and both ends are told. */
  reset(): void {
    if (this.#ended) return
    const session = this.#session
    this.lose(true)
    if (session === undefined) return
    const { simulator } = this.#network
    const latency = simulator.chance.between(1, 50)
    simulator.send(this.client, this.host.node, 'reset', () => session.closed(1006), { latency })
  }

  /** The server's end is gone. `told`: its machine is not, and says so to the client. */
  lose(told: boolean): void {
    if (this.#ended) return
    this.#end()
    if (!told || this.weather.blackHole) return
    const { simulator } = this.#network
    const latency = simulator.chance.between(1, 50)
    const closed = (): void => this.#socket.closed(1006, '')
    simulator.send(this.host.node, this.client, 'reset', closed, { latency })
  }

  /** Nothing arrives any more, and neither end is told. */
  silence(): void {
    this.weather.blackHole = true
  }

  #end(): void {
    this.#ended = true
    this.up.close()
    this.down.close()
    this.#network.links.delete(this)
  }

  #accept(token: string | undefined): void {
    const { service } = this.host
    if (service === undefined) return this.reset()
    const actor = token === undefined ? Promise.resolve(undefined) : service.authenticate(token)
    actor.then(
      (actor) => {
        this.down.send(FRAMING, () => this.#socket.opened())
        this.#heardAt = this.#network.simulator.now
        this.#session = service.open(new ServerEnd(this, this.#socket, this.#network), actor)
        this.#watch()
      },
      (error: unknown) => this.#sendAway(error),
    )
  }

  /** A token that is refused is told over the socket. */
  #sendAway(error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error
    const { code, reason } = error
    const envelope = { type: 'error', payload: { ...error.toPayload() }, metadata: {} }
    this.down.send(FRAMING, () => {
      this.#socket.opened()
      this.#socket.receive(this.#network.textOf(envelope))
      this.#socket.closed(code, reason)
      this.#end()
    })
  }

  #receive(text: string): void {
    const session = this.#session
    if (session === undefined) return
    let envelope: Envelope
    try {
      envelope = codec.decode(text)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      session.refuse(error)
      return
    }
    session.receive(envelope)
  }

  #watch(): void {
    const check = (): void => {
      if (this.#ended) return
      const silent = this.#network.simulator.now - this.#heardAt
      if (silent >= DEAD_AFTER_MS) {
        this.#session?.closed(1006)
        this.reset()
        return
      }
      if (silent >= PING_AFTER_MS) this.down.send(FRAMING, () => this.#pong())
      this.#watch()
    }
    this.host.node.after(CHECK_EVERY_MS, check, 'heartbeat')
  }

  #pong(): void {
    this.up.send(FRAMING, () => {
      this.#heardAt = this.#network.simulator.now
    })
  }
}

/** What the server holds of a link. */
class ServerEnd implements Connection {
  readonly transport = 'websocket'
  readonly address = '192.0.2.1'
  readonly duplex = true
  readonly #link: Link
  readonly #socket: SimulatedSocket
  readonly #network: Network
  #closed = false

  constructor(link: Link, socket: SimulatedSocket, network: Network) {
    this.#link = link
    this.#socket = socket
    this.#network = network
  }

  send(batches: readonly Batch[]): void {
    if (this.#closed) return
    const frames: string[] = []
    for (const { envelopes } of batches) {
      for (const envelope of envelopes) frames.push(this.#network.textOf(envelope))
    }
    // What one write brings arrives at once, or bit by bit.
    if (this.#network.simulator.chance.happens(0.5)) this.#write(frames)
    else for (const frame of frames) this.#write([frame])
  }

  buffered(): number {
    return this.#link.down.buffered
  }

  onDrain(fn: () => void): void {
    this.#link.down.onDrain(fn)
  }

  pause(): void {
    this.#link.up.pause()
  }

  resume(): void {
    this.#link.up.resume()
  }

  close(code: number, reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#link.up.resume()
    this.#link.down.send(FRAMING, () => {
      this.#socket.closed(code, reason)
      this.#link.reset()
    })
    if (this.buffered() > 0) this.#link.host.node.after(LINGER_MS, () => this.#link.reset())
  }

  #write(frames: readonly string[]): void {
    const bytes = frames.reduce((sum, { length }) => sum + length + FRAMING, 0)
    this.#link.down.send(bytes, () => {
      for (const frame of frames) this.#socket.receive(frame)
    })
  }
}
