import { expect } from 'vitest'
import type { ServerProcess } from '../support/server-process.ts'
import type { Heard } from './peer.ts'
import { errorBody, held, type Match } from './vocabulary.ts'

/** Who the tokens of the vectors belong to. */
export type Tokens = Readonly<Record<'ada' | 'bob' | 'server', string>>

/**
 * What the `$names` of one vector stand for: channels that no other run touches, tokens, and the epochs of the
 * channels once they are known.
 */
export class Run {
  readonly #server: ServerProcess
  readonly #tokens: Tokens
  readonly #values: Map<string, string>

  /** `name` tells this run from all others. */
  constructor(server: ServerProcess, tokens: Tokens, name: string) {
    this.#server = server
    this.#tokens = tokens
    const id = name.replaceAll(/[^A-Za-z0-9-]/g, '-')
    this.#values = new Map([
      ['id', id],
      ['chat', `chat:${id}`],
      ['live', `live:${id}`],
      ['signal', `signal:${id}`],
      ['ada', tokens.ada],
      ['bob', tokens.bob],
    ])
  }

  knows(name: string, value: string): void {
    this.#values.set(name, value)
  }

  fill(text: string): string {
    return text.replaceAll(
      /\$([a-zA-Z]+)/g,
      (whole, name: string) => this.#values.get(name) ?? whole,
    )
  }

  /** The same with every text in it filled in; matchers stay. */
  fillAll<Value>(value: Value): Value {
    if (typeof value === 'string') return this.fill(value) as Value
    if (Array.isArray(value)) return value.map((item: unknown) => this.fillAll(item)) as Value
    if (typeof value !== 'object' || value === null || isMatcher(value)) return value
    const entries = Object.entries(value).map(([key, item]) => [key, this.fillAll(item as unknown)])
    return Object.fromEntries(entries) as Value
  }

  /** Publishes `held(from)` … `held(to)` to `$chat`, past any proxy. */
  async hold(from: number, to: number): Promise<void> {
    for (let offset = from; offset <= to; offset++) {
      const response = await this.#request(`/v1/channels/${this.fill('$chat')}/publications`, {
        method: 'POST',
        body: JSON.stringify(held(offset)),
      })
      if (response.status !== 201) throw new Error(`The seed was answered with ${response.status}.`)
    }
  }

  /** From here on `$epoch` and `$liveEpoch` are those of `$chat` and `$live`. */
  async learnEpochs(): Promise<void> {
    for (const [name, channel] of [
      ['epoch', '$chat'],
      ['liveEpoch', '$live'],
    ] as const) {
      const response = await this.#request(`/v1/channels/${this.fill(channel)}/publications`)
      this.knows(name, ((await response.json()) as { epoch: string }).epoch)
    }
  }

  #request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#tokens.ada}` }
    return fetch(`${this.#server.url}${path}`, { ...init, headers })
  }
}

/** `expect` with the fields that are told; one that is `undefined` must not be there. */
export function check(actual: unknown, match: Match): void {
  expect(withAbsent(actual, match)).toMatchObject(match)
}

/** Every error that comes is whole, whatever a vector says about it. */
export function checkError(heard: Heard): void {
  if (!('type' in heard) || heard.type !== 'error') return
  const { payload } = heard
  expect(payload).toEqual(errorBody(payload['code'] as number, payload))
}

export function fits(actual: unknown, match: Match): boolean {
  try {
    check(actual, match)
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'AssertionError') return false
    throw error
  }
}

/** `toMatchObject` tells a field that is not there from one that is `undefined`. */
function withAbsent(actual: unknown, match: unknown): unknown {
  if (!isPlain(actual) || !isPlain(match) || isMatcher(match)) {
    return Array.isArray(actual) && Array.isArray(match)
      ? actual.map((item, i) => withAbsent(item, match[i]))
      : actual
  }
  const completed: Record<string, unknown> = { ...actual }
  for (const [key, value] of Object.entries(match)) {
    if (value === undefined || key in actual) completed[key] = withAbsent(actual[key], value)
  }
  return completed
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isMatcher(value: object): boolean {
  return 'asymmetricMatch' in value
}
