import { until } from '../../support/until.ts'
import type { Frame } from './peer.ts'

/** An answer of the HTTP API. */
export interface HttpAnswer {
  status: number
  /** Of the error in the body (PROTOCOL.md §7). */
  code?: number
  body: Record<string, unknown>
}

export interface HttpRequest {
  method?: string
  token?: string | undefined
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** One request and its answer, as JSON. */
export async function http(url: string, request: HttpRequest = {}): Promise<HttpAnswer> {
  const response = await fetch(url, initOf(request))
  return answerOf(response)
}

async function answerOf(response: Response): Promise<HttpAnswer> {
  const text = await response.text()
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  const { status } = response
  return { status, body, ...(typeof body['code'] === 'number' ? { code: body['code'] } : {}) }
}

function initOf({ method = 'GET', token, body, headers, signal }: HttpRequest): RequestInit {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return {
    method,
    headers: { ...authorization, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }
}

export interface StreamEvent {
  event: string
  id: string | undefined
  data: Frame
}

/** An event stream as it comes. */
export class EventStream {
  readonly status: number
  /** The error that it was refused with. */
  readonly refusal: HttpAnswer | undefined
  readonly events: StreamEvent[] = []
  ended = false
  readonly #abort: AbortController

  private constructor(status: number, refusal: HttpAnswer | undefined, abort: AbortController) {
    this.status = status
    this.refusal = refusal
    this.#abort = abort
  }

  /** Resolves when the answer began: with its first event, or with its refusal. */
  static async open(url: string, request: HttpRequest = {}): Promise<EventStream> {
    const abort = new AbortController()
    const response = await fetch(url, { ...initOf(request), signal: abort.signal })
    const refusal = response.status === 200 ? undefined : await answerOf(response)
    const stream = new EventStream(response.status, refusal, abort)
    if (refusal !== undefined) return stream
    void stream.#read(response)
    await until(() => stream.of('subscribed').length > 0 || stream.ended)
    return stream
  }

  of(event: string): StreamEvent[] {
    return this.events.filter((one) => one.event === event)
  }

  /** The `id` of the newest event that has one: where to go on from. */
  get cursor(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id
  }

  end(): void {
    this.#abort.abort()
  }

  async #read(response: Response): Promise<void> {
    let text = ''
    try {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        const blocks = text.split('\n\n')
        text = blocks.pop()!
        this.events.push(...blocks.flatMap(eventOf))
      }
    } catch (error) {
      // Cut off, by us or by the server: the end of the stream either way.
      if (!(error instanceof Error)) throw error
    }
    this.ended = true
  }
}

function eventOf(block: string): StreamEvent[] {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)] as const
    }),
  )
  const event = fields.get('event')
  if (event === undefined) return []
  return [{ event, id: fields.get('id'), data: JSON.parse(fields.get('data')!) as Frame }]
}
