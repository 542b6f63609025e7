import http from 'node:http'
import https from 'node:https'
import { type ErrorPayload, ProtocolError } from '@tidewire/protocol'

export interface StreamEvent {
  type: string
  id: string | undefined
  data: string
}

/** Reads an event stream as the HTML standard says, with Node's own HTTP. */
export class EventStream {
  readonly events: StreamEvent[] = []
  onEvent: (event: StreamEvent) => void = () => {}
  /** Everything that came, undecoded. */
  text = ''
  ended = false
  readonly headers: http.IncomingHttpHeaders
  readonly #response: http.IncomingMessage
  #rest = ''

  private constructor(response: http.IncomingMessage) {
    this.#response = response
    this.headers = response.headers
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => this.#take(chunk))
    response.on('close', () => (this.ended = true))
    response.on('error', () => (this.ended = true))
  }

  /** Resolves with the stream; rejects with the `ProtocolError` that was answered instead. */
  static open(
    url: string,
    headers: Record<string, string> = {},
    ca?: string,
  ): Promise<EventStream> {
    return new Promise((resolve, reject) => {
      const { get } = url.startsWith('https:') ? https : http
      const options = { headers, agent: false, ...(ca === undefined ? {} : { ca }) } as const
      const request = get(url, options, (response) => {
        if (response.statusCode === 200) return resolve(new EventStream(response))
        errorOf(response).then(reject, reject)
      })
      request.on('error', reject)
    })
  }

  get lastEventId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id
  }

  of(type: string): StreamEvent[] {
    return this.events.filter((event) => event.type === type)
  }

  pause(): void {
    this.#response.pause()
  }

  resume(): void {
    this.#response.resume()
  }

  close(): void {
    this.#response.destroy()
  }

  #take(chunk: string): void {
    this.text += chunk
    const blocks = (this.#rest + chunk).split('\n\n')
    this.#rest = blocks.pop()!
    for (const block of blocks) {
      const event = parse(block)
      if (event === undefined) continue
      this.events.push(event)
      this.onEvent(event)
    }
  }
}

function parse(block: string): StreamEvent | undefined {
  let type = 'message'
  let id: string | undefined
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') type = value
    else if (field === 'id') id = value
    else if (field === 'data') data.push(value)
  }
  return data.length === 0 ? undefined : { type, id, data: data.join('\n') }
}

async function errorOf(response: http.IncomingMessage): Promise<Error> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  const { code, reason, message } = JSON.parse(text) as ErrorPayload
  const error = new ProtocolError(reason, message)
  return error.code === code ? error : new Error(`${code} is not the code of ${reason}`)
}
