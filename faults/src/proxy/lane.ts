import type { Socket } from 'node:net'
import type { Chance } from '../chance.ts'
import type { Fault, Filter } from './toxics.ts'

/** What may wait in one direction before it is read no further. */
const MAX_HELD_BYTES = 1024 * 1024

interface Piece {
  readonly bytes: Buffer
  /** `performance.now()` of when it may pass. */
  readonly due: number
}

/** How a lane ends the whole connection. */
export interface Link {
  /** FIN to both sides. */
  end(): void
  /** RST to both sides. */
  reset(): void
}

/** One direction of one connection: takes what `from` sends, and passes it on to `to` as the faults let it. */
export class Lane {
  /** Bytes that wait. */
  held = 0
  readonly #from: Socket
  readonly #to: Socket
  readonly #link: Link
  readonly #chance: Chance
  #faults: readonly Fault[] = []
  #filters = new Map<Fault, Filter>()
  #queue: Piece[] = []
  #passed = 0
  #lastDue = 0
  /** When the last piece has passed, at the bandwidth there is. */
  #freeAt = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined
  #faultTimers = new Map<Fault, NodeJS.Timeout>()

  constructor(from: Socket, to: Socket, link: Link, chance: Chance) {
    this.#from = from
    this.#to = to
    this.#link = link
    this.#chance = chance
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    from.on('end', () => {
      this.#ended = true
      this.#pump()
    })
    to.on('drain', () => this.#pump())
  }

  /** Nothing passes, not even that `from` failed. */
  get black(): boolean {
    return this.#find('timeout') !== undefined
  }

  /** The faults that this lane has from now on. */
  set(faults: readonly Fault[]): void {
    const before = this.#faults
    this.#faults = faults
    for (const fault of before) if (!faults.includes(fault)) this.#remove(fault)
    for (const fault of faults) if (!before.includes(fault)) this.#add(fault)
    this.#pump()
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const timer of this.#faultTimers.values()) clearTimeout(timer)
    this.#queue = []
  }

  #add(fault: Fault): void {
    if (fault.type === 'filter') this.#filters.set(fault, fault.make())
    else if (fault.type === 'reset_peer') this.#later(fault, () => this.#link.reset())
    else if (fault.type === 'timeout' && fault.timeout > 0) {
      this.#later(fault, () => this.#link.end())
    }
  }

  #later(fault: Fault & { timeout: number }, fn: () => void): void {
    this.#faultTimers.set(fault, setTimeout(fn, fault.timeout))
  }

  #remove(fault: Fault): void {
    if (fault.type === 'bandwidth') this.#freeAt = 0
    this.#filters.delete(fault)
    clearTimeout(this.#faultTimers.get(fault))
    this.#faultTimers.delete(fault)
  }

  #find<Type extends Fault['type']>(type: Type): Extract<Fault, { type: Type }> | undefined {
    const found = this.#faults.find((fault) => fault.type === type)
    return found as Extract<Fault, { type: Type }> | undefined
  }

  #take(chunk: Buffer): void {
    let bytes = chunk
    for (const filter of this.#filters.values()) bytes = filter(bytes)
    for (const piece of this.#slice(bytes)) {
      this.#queue.push({ bytes: piece, due: this.#due() })
      this.held += piece.byteLength
    }
    if (this.held > MAX_HELD_BYTES) this.#from.pause()
    this.#pump()
  }

  #slice(bytes: Buffer): Buffer[] {
    const slicer = this.#find('slicer')
    if (slicer === undefined) return bytes.byteLength > 0 ? [bytes] : []
    const { average_size: size, size_variation: variation = 0 } = slicer
    const pieces: Buffer[] = []
    for (let at = 0; at < bytes.byteLength; at += pieces.at(-1)!.byteLength) {
      const length = Math.max(1, size + this.#chance.between(-variation, variation))
      pieces.push(bytes.subarray(at, at + length))
    }
    return pieces
  }

  /** Never before what came before. */
  #due(): number {
    const latency = this.#find('latency')
    const { latency: ms = 0, jitter = 0 } = latency ?? {}
    const apart = (this.#find('slicer')?.delay ?? 0) / 1000
    const due = performance.now() + ms + jitter * (2 * this.#chance.next() - 1)
    this.#lastDue = Math.max(due, this.#lastDue + apart)
    return this.#lastDue
  }

  #pump(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (;;) {
      if (this.black || this.#to.writableNeedDrain) return
      const piece = this.#queue[0]
      if (piece === undefined) return this.#passEnd()
      const wait = Math.max(piece.due, this.#freeAt) - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(wait))
        return
      }
      this.#queue.shift()
      if (!this.#pass(piece.bytes)) return
    }
  }

  /** False when nothing may follow now. */
  #pass(bytes: Buffer): boolean {
    this.held -= bytes.byteLength
    if (this.#from.isPaused() && this.held < MAX_HELD_BYTES / 2) this.#from.resume()
    const limit = this.#find('limit_data') ?? this.#find('half_close')
    const room = limit === undefined ? Infinity : limit.bytes - this.#passed
    if (room > 0) this.#write(bytes.subarray(0, Math.min(room, bytes.byteLength)))
    if (bytes.byteLength >= room) {
      if (limit?.type === 'half_close') this.#halfClose()
      else this.#link.end()
      return false
    }
    const bandwidth = this.#find('bandwidth')
    if (bandwidth !== undefined) {
      this.#freeAt = performance.now() + bytes.byteLength / bandwidth.rate
    }
    return true
  }

  #write(bytes: Buffer): void {
    this.#passed += bytes.byteLength
    if (this.#to.writable) this.#to.write(bytes)
  }

  #halfClose(): void {
    this.#queue = []
    this.#from.pause()
    this.#to.end()
  }

  #passEnd(): void {
    if (!this.#ended) return
    this.#ended = false
    const delay = this.#find('slow_close')?.delay ?? 0
    if (delay === 0) this.#to.end()
    else this.#timer = setTimeout(() => this.#to.end(), delay)
  }
}
