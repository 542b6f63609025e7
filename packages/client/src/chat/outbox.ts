import { TidewireError } from '../errors.ts'
import type { Published } from '../types.ts'

/** An own message on its way into the log. */
interface Sending {
  isOver: boolean
  /** What it was refused for. */
  error: TidewireError | undefined
}

interface Held {
  readonly until: Sending | undefined
  readonly go: () => void
}

export interface OutboxOptions {
  /** Publications that may wait, here and for the server. */
  max: number
  /** How many wait for the server. */
  waiting: () => number
}

/**
 * What a user says and does in one room, in that order. What names a message that is on its way waits until that is
 * there, and all that comes after it waits as well.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #underWay = new Map<string, Sending>()
  readonly #line: Held[] = []

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** The message `id`, behind the message `answered`, whatever becomes of that. Rejects with `queue_full`, too. */
  send(
    id: string,
    answered: string | undefined,
    publish: () => Promise<Published>,
  ): Promise<Published> {
    const published = this.#enter(this.#underWay.get(answered ?? ''), publish)
    const sending: Sending = { isOver: false, error: undefined }
    this.#underWay.set(id, sending)
    const over = (error?: TidewireError): void => this.#over(id, sending, error)
    published.then(() => over(), over)
    return published
  }

  /** A change to the message `about`. Rejects with what that was refused for, and with `queue_full`, too. */
  change(about: string, publish: () => Promise<Published>): Promise<Published> {
    const sending = this.#underWay.get(about)
    return this.#enter(sending, () => {
      return sending?.error === undefined ? publish() : Promise.reject(sending.error)
    })
  }

  /** The log may have told more messages: nothing has to wait for those any longer. */
  arrived(isTold: (id: string) => boolean): void {
    for (const [id, sending] of this.#underWay) if (isTold(id)) this.#over(id, sending)
  }

  /** At once where there is nothing to wait for. */
  #enter(until: Sending | undefined, publish: () => Promise<Published>): Promise<Published> {
    if (until === undefined && this.#line.length === 0) return publish()
    const { max, waiting } = this.#options
    if (waiting() + this.#line.length >= max) {
      const message = `${max} publications wait already. Await some of them.`
      return Promise.reject(new TidewireError('queue_full', message, { temporary: true }))
    }
    return new Promise((resolve) => {
      this.#line.push({ until, go: () => resolve(publish()) })
    })
  }

  #over(id: string, sending: Sending, error?: TidewireError): void {
    if (sending.isOver) return
    sending.isOver = true
    sending.error = error
    this.#underWay.delete(id)
    while (this.#line[0] !== undefined && this.#line[0].until?.isOver !== false) {
      this.#line.shift()!.go()
    }
  }
}
