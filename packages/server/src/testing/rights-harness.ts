import { ProtocolError } from '@tidewire/protocol'
import type { Actor } from '../core/ports/actor.ts'
import type { Authorizer, Question } from '../core/ports/authorizer.ts'
import type { Page } from '../core/ports/broker.ts'
import { type Connected, CoreHarness, frame, Lossy } from './core-harness.ts'

/** A hook whose answers come when the test gives them; what nobody decides is allowed at once. */
export class SlowHook implements Authorizer {
  readonly asked: Question[] = []
  readonly forgotten: string[] = []
  /** Questions that wait, and what settles them. */
  readonly waiting: { resolve: (answer: boolean) => void; reject: (error: Error) => void }[] = []
  answer: boolean | 'later' | Error = true

  authorize(question: Question): boolean | Promise<boolean> {
    this.asked.push(question)
    if (this.answer instanceof Error) return Promise.reject(this.answer)
    if (this.answer !== 'later') return this.answer
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  forget(user: string): void {
    this.forgotten.push(user)
  }
}

/** Members that the test adds and removes. */
export class FewMembers {
  readonly all = new Set<string>()

  has(channel: string, user: string): boolean {
    return this.all.has(`${channel} ${user}`)
  }
}

/** A broker that answers reads of `chat:a`, under another name, when it is told to. */
export class HeldReads extends Lossy {
  reads = 0
  #release: (() => void)[] = []
  readonly #log: Lossy['history']

  constructor(inner: ConstructorParameters<typeof Lossy>[0]) {
    super(inner)
    this.#log = inner.history.bind(inner)
  }

  override async history(_: string, range: Parameters<Lossy['history']>[1]): Promise<Page> {
    this.reads += 1
    await new Promise<void>((resolve) => this.#release.push(resolve))
    return this.#log('chat:a', range)
  }

  release(): void {
    for (const release of this.#release.splice(0)) release()
  }
}

/**
 * A core with the namespaces `asked`, whose hook says what the test says, and `club`, where members subscribe. The tokens
 * are those that the test writes down.
 */
export async function startWithRights() {
  const hook = new SlowHook()
  const members = new FewMembers()
  const tokens = new Map<string, Actor>()
  const authenticate = async (token: string): Promise<Actor> => {
    const actor = tokens.get(token)
    if (actor === undefined) throw new ProtocolError('authentication_failed', 'Forged.')
    return actor
  }
  const harness = await CoreHarness.start({ hook, members, authenticator: { authenticate } })
  const { core, clock, broker } = harness
  await harness.add('asked', broker, { hook: true })
  await harness.add('club', broker, { subscribe: 'member', history: 'member' })
  const subscribe = async ({ session }: Connected, ...channels: string[]): Promise<void> => {
    for (const channel of channels) session.receive(frame('subscribe', { channel }))
    await clock.settle()
  }
  const connect = harness.connect.bind(harness)
  return { harness, core, clock, hook, members, tokens, subscribe, connect }
}

export function errorsOf({ connection }: Connected): unknown[] {
  return connection.of('error').map(({ payload }) => payload['reason'])
}
