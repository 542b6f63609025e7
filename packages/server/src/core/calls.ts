import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Clock } from './ports/clock.ts'
import { Batch } from './ports/batch.ts'
import type { Session } from './session.ts'

export type CallResult = { value: unknown } | { error: unknown }

interface Pending {
  readonly user: string
  readonly settle: (result: CallResult) => void
  readonly fail: (error: ProtocolError) => void
}

const MAX_PENDING = 10_000

/** Requests from the server to clients (`call`, PROTOCOL.md §4) that wait for their `result`. */
export class Calls {
  readonly #clock: Clock
  readonly #pending = new Map<string, Pending>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Asks all of the sessions; the first answer counts. Rejects with `unavailable` when none comes in time, `not_found` when all leave. */
  ask(
    sessions: readonly Session[],
    id: string,
    payload: { method: string; args: unknown; timeout_ms: number },
    timestamp: string,
  ): Promise<CallResult> {
    const user = sessions[0]?.user
    if (user === undefined) {
      return Promise.reject(new ProtocolError('not_found', 'The user is not connected.'))
    }
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(
        new ProtocolError('rate_limited', 'Too many calls wait for an answer. Try again later.', {
          retryAfterMs: 1_000,
        }),
      )
    }
    return new Promise((resolve, reject) => {
      const fail = (error: ProtocolError): void => {
        cancel()
        this.#pending.delete(id)
        reject(error)
      }
      const cancel = this.#clock.after(payload.timeout_ms, () =>
        fail(new ProtocolError('unavailable', 'No client answered in time.')),
      )
      this.#pending.set(id, {
        user,
        fail,
        settle: (result) => {
          cancel()
          this.#pending.delete(id)
          resolve(result)
        },
      })
      const call = new Batch([
        { type: 'call', payload: payload as JsonObject, metadata: { message_id: id, timestamp } },
      ])
      for (const session of sessions) session.push(call)
    })
  }

  /** The user's last connection is gone: nobody will answer. */
  left(user: string): void {
    for (const pending of this.#pending.values()) {
      if (pending.user !== user) continue
      pending.fail(new ProtocolError('not_found', 'The user disconnected before an answer came.'))
    }
  }

  /** Whether a `result` for this call would be the answer. */
  awaits(user: string | undefined, id: string | undefined): boolean {
    return this.#of(user, id) !== undefined
  }

  /** A `result` frame. Late and foreign ones are dropped: somebody else has answered, or nobody asked this user. */
  answer(user: string | undefined, id: string | undefined, result: CallResult): void {
    this.#of(user, id)?.settle(result)
  }

  #of(user: string | undefined, id: string | undefined): Pending | undefined {
    const pending = id === undefined ? undefined : this.#pending.get(id)
    return pending?.user === user ? pending : undefined
  }
}
