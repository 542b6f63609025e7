import type { JsonObject } from '@tidewire/protocol'
import type { Channel } from '../channel.ts'
import type { Tidewire } from '../client.ts'
import { TidewireError } from '../errors.ts'
import type { Timers } from '../transports/heartbeat.ts'
import type { ConnectionState, SubscriptionState } from '../types.ts'
import { abortError, Wait, type WaitOptions } from '../wait.ts'
import type { RoomSnapshot } from './types.ts'

const RETRY_MS = 2000

export interface AttendanceOptions {
  client: Tidewire
  channel: Channel
  /** As commands name it; undefined for a direct talk, which nobody joins or leaves. */
  room: string | undefined
  timers: Timers
  /** The payload of `room_joined`; of `unread_state` for a direct talk. */
  onJoined(answer: JsonObject): void
  onChange(): void
}

/**
 * Being in a room. It is joined once for each connection, which also tells who is a member and what is unread: before its
 * channel is subscribed to, and after the channel was subscribed to again by itself. Never at the same time, since both
 * start the stream of the channel.
 */
export class Attendance {
  readonly #options: AttendanceOptions
  #isWanted = false
  #isJoined = false
  /** The server has no rooms: the channel is all there is. */
  #isReading = false
  #error: TidewireError | undefined
  /** Ends with its connection. */
  #joining: AbortController | undefined
  #retry: unknown
  #stops: (() => void)[] = []
  readonly #waiting = new Set<Wait<void>>()

  constructor(options: AttendanceOptions) {
    this.#options = options
  }

  get status(): RoomSnapshot['status'] {
    if (!this.#isWanted) return 'left'
    if (this.#options.channel.state.name !== 'subscribed') return 'joining'
    if (this.#isJoined) return 'joined'
    return this.#isReading || this.#transport() !== 'websocket' ? 'reading' : 'joining'
  }

  /** Why it was refused. */
  get error(): TidewireError | undefined {
    return this.#error
  }

  join(options: WaitOptions): Promise<void> {
    if (options.signal?.aborted) return Promise.reject(abortError('The join', options.signal))
    const wait = new Wait<void>('The join', options, () => this.#waiting.delete(wait))
    this.#waiting.add(wait)
    if (!this.#isWanted) this.#start()
    this.#settle()
    const over = overBy(this.#options.client.state)
    if (over !== undefined) this.#reject(over)
    return wait.promise
  }

  /** `isLeaving`: the membership ends; else nothing but the stream. */
  async end(isLeaving: boolean): Promise<void> {
    const { client, channel, room } = this.#options
    if (this.#isWanted) {
      this.#stop()
      this.#reject(new TidewireError('aborted', 'The room was left.'))
      void channel.unsubscribe()
    }
    if (isLeaving && room !== undefined) await client.request('leave_room', { room })
  }

  #start(): void {
    const { client, channel } = this.#options
    this.#isWanted = true
    this.#error = undefined
    this.#stops = [
      client.on('state', ({ to }) => this.#connectionChanged(to)),
      channel.onState((state) => this.#channelChanged(state)),
    ]
    this.#options.onChange()
    this.#sync()
  }

  #stop(): void {
    this.#isWanted = false
    this.#offline()
    for (const stop of this.#stops.splice(0)) stop()
    this.#options.onChange()
  }

  #offline(): void {
    this.#isJoined = false
    this.#isReading = false
    this.#joining?.abort()
    this.#joining = undefined
    this.#options.timers.clear(this.#retry)
  }

  #connectionChanged(to: ConnectionState): void {
    if (to.name === 'connected') return this.#sync()
    const over = overBy(to)
    if (over !== undefined) this.#reject(over)
    this.#offline()
    this.#options.onChange()
  }

  #channelChanged(state: SubscriptionState): void {
    if (state.name === 'subscribed') this.#sync()
    if (state.name === 'unsubscribed') {
      this.#isJoined = false
      // Another user of the channel ended its stream; or two starts of it met after all, and the later one won.
      if (state.error === undefined || state.error.reason === 'conflict') this.#later(0)
      else this.#refused(state.error)
    }
    this.#settle()
    this.#options.onChange()
  }

  /** Does the next step, where one is due. */
  #sync(): void {
    const { channel, room } = this.#options
    if (!this.#isWanted || this.#joining !== undefined) return
    const transport = this.#transport()
    // Its answer comes first.
    if (transport === undefined || channel.state.name === 'subscribing') return
    // A direct talk is subscribed to first: what is counted then is what lies before its stream.
    const isFirst = room !== undefined || channel.state.name === 'subscribed'
    if (isFirst && transport === 'websocket' && !this.#isJoined && !this.#isReading) {
      void this.#enter()
    } else this.#subscribe()
  }

  async #enter(): Promise<void> {
    const joining = new AbortController()
    const { signal } = joining
    this.#joining = joining
    try {
      const answer = await this.#request(signal)
      if (signal.aborted) return
      this.#joining = undefined
      this.#isJoined = true
      this.#options.onJoined(answer)
    } catch (cause) {
      if (signal.aborted) return
      this.#joining = undefined
      const error = cause as TidewireError
      if (error.reason === 'unknown_type') this.#isReading = true
      else if (error.temporary || error.reason === 'conflict') return this.#later()
      else return this.#refused(error)
    }
    this.#subscribe()
    this.#settle()
    this.#options.onChange()
  }

  #request(signal: AbortSignal): Promise<JsonObject> {
    const { client, channel, room } = this.#options
    if (room === undefined) {
      return client.request('unread_get', { channels: [channel.name] }, { signal })
    }
    const { position } = channel
    const isLive = channel.state.name === 'subscribed'
    const since = isLive && position !== undefined ? { since: { ...position } } : {}
    return client.request('join_room', { room, ...since }, { signal })
  }

  /** From where it stood, also in a room that is joined again. */
  #subscribe(): void {
    const { channel } = this.#options
    if (channel.state.name !== 'unsubscribed') return
    // What it is refused for comes as a change of state, which everybody sees.
    channel.subscribe({ since: channel.position }).catch(ended)
  }

  #later(ms = RETRY_MS): void {
    const { timers } = this.#options
    timers.clear(this.#retry)
    this.#retry = timers.set(() => this.#sync(), ms)
  }

  #refused(error: TidewireError): void {
    this.#error = error
    this.#stop()
    this.#reject(error)
    void this.#options.channel.unsubscribe()
  }

  #transport(): string | undefined {
    const { state } = this.#options.client
    return state.name === 'connected' ? state.transport : undefined
  }

  #settle(): void {
    const { status } = this
    if (status !== 'joined' && status !== 'reading') return
    for (const wait of this.#waiting) wait.resolve()
    this.#waiting.clear()
  }

  #reject(error: TidewireError): void {
    for (const wait of this.#waiting) wait.reject(error)
    this.#waiting.clear()
  }
}

/** Why nobody need wait for this client. The room is joined with its next `connect()`. */
function overBy(state: ConnectionState): TidewireError | undefined {
  if (state.name === 'failed') return state.error
  if (state.name !== 'disconnected' || state.reason !== 'closed') return undefined
  return new TidewireError('closed', 'The client is closed. Call connect() first.')
}

/** What ends here is told elsewhere. */
function ended(): void {}
