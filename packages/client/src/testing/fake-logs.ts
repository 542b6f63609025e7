import type { JsonObject, Position, Publication } from '@tidewire/protocol'

interface Log {
  epoch: string
  /** `entries[i]` has offset `dropped + i + 1`. */
  entries: Publication[]
  dropped: number
}

/** What `subscribe` asks for. */
export interface Start {
  channel: string
  since?: Position | undefined
  last?: number | undefined
}

export interface Started {
  /** The payload of `subscribed`. */
  subscribed: JsonObject & { channel: string; offset: number; recovered: boolean }
  missed: Publication[]
}

/** The logs of the fake server, in memory. Channels `signal:*` have none. */
export class FakeLogs {
  readonly #logs = new Map<string, Log>()
  readonly #ids = new Map<string, Position>()
  #epochs = 0

  of(channel: string): Log {
    let log = this.#logs.get(channel)
    if (log === undefined) {
      log = { epoch: `e${(this.#epochs += 1)}`, entries: [], dropped: 0 }
      this.#logs.set(channel, log)
    }
    return log
  }

  position(channel: string): Position {
    const { epoch, entries, dropped } = this.of(channel)
    return { epoch, offset: dropped + entries.length }
  }

  append(
    channel: string,
    type: string,
    payload: JsonObject,
    id: string,
    user?: string,
  ): Publication {
    const by = user === undefined ? {} : { user }
    const metadata = { message_id: id, timestamp: new Date().toISOString(), channel, ...by }
    if (channel.startsWith('signal:')) return { type, payload, metadata }
    const { offset } = this.position(channel)
    const publication = { type, payload, metadata: { ...metadata, offset: offset + 1 } }
    this.of(channel).entries.push(publication)
    this.#ids.set(`${channel} ${id}`, this.position(channel))
    return publication
  }

  /** Where a message id was put before. */
  known(channel: string, id: string): Position | undefined {
    return this.#ids.get(`${channel} ${id}`)
  }

  trim(channel: string, keep: number): void {
    const log = this.of(channel)
    const gone = Math.max(0, log.entries.length - keep)
    log.entries.splice(0, gone)
    log.dropped += gone
  }

  wipe(channel: string): void {
    this.#logs.delete(channel)
  }

  start({ channel, since, last = 0 }: Start): Started {
    if (channel.startsWith('signal:')) {
      const reason = since === undefined ? {} : { reason: 'expired' }
      return { subscribed: { channel, offset: 0, recovered: false, ...reason }, missed: [] }
    }
    const { epoch, dropped, entries } = this.of(channel)
    const newest = dropped + entries.length
    const reason = since && lostReason(since, epoch, dropped, newest)
    const recovered = since !== undefined && reason === undefined
    const offset = recovered ? since.offset : Math.max(dropped, newest - (since ? 0 : last))
    const why = reason === undefined ? {} : { reason }
    return {
      subscribed: { channel, epoch, offset, recovered, oldest: dropped + 1, ...why },
      missed: entries.slice(offset - dropped),
    }
  }

  history(channel: string, after = 0, before = Infinity, limit = 100): JsonObject {
    const { epoch, dropped, entries } = this.of(channel)
    const found = entries.filter(
      ({ metadata: { offset = 0 } }) => offset > after && offset < before,
    )
    const publications = after === 0 ? found.slice(-limit) : found.slice(0, limit)
    return {
      channel,
      epoch,
      oldest: dropped + 1,
      newest: dropped + entries.length,
      publications: publications as unknown as JsonObject[],
      more: publications.length < found.length,
    }
  }
}

function lostReason(
  since: Position,
  epoch: string,
  dropped: number,
  newest: number,
): 'epoch_changed' | 'expired' | undefined {
  if (since.epoch !== epoch) return 'epoch_changed'
  return since.offset < dropped || since.offset > newest ? 'expired' : undefined
}
