import type { JsonObject } from '@tidewire/protocol'
import type { Tidewire } from './client.ts'
import { errorFromPayload, TidewireError } from './errors.ts'
import type { ListenerOptions } from './types.ts'
import { abortError } from './wait.ts'

export interface AskOptions extends ListenerOptions {
  /** Sent as JSON. */
  body?: JsonObject | undefined
}

/**
 * The answer of the HTTP API to a request with the client's token. Waits for a connection that is being made: it asks for
 * the token itself. Rejects with what the server refused it for, and with `connection_failed`, which is temporary.
 */
export async function askHttp(
  client: Tidewire,
  method: string,
  path: string,
  { signal, body }: AskOptions = {},
): Promise<unknown> {
  const { url, fetch } = client.http
  const headers = await authorization(client, signal)
  const content = body && { body: JSON.stringify(body) }
  if (content) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(url + path, { method, headers, ...content, ...(signal && { signal }) })
  } catch (cause) {
    throw signal?.aborted ? abortError('The request', signal) : failed(cause)
  }
  return answerOf(response.status, await response.text().catch(() => ''))
}

/** The header that shows the client's token; none where there is none. */
export async function authorization(
  client: Tidewire,
  signal: AbortSignal | undefined,
): Promise<Record<string, string>> {
  await settled(client, signal)
  const token = await client.http.tokens.get('connect')
  return token === undefined ? {} : { Authorization: `Bearer ${token}` }
}

/** The body as JSON. Throws the error that it tells of. */
export function answerOf(status: number, text: string): unknown {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw failed(cause)
  }
  if (status >= 200 && status < 300) return body
  throw errorFromPayload(body)
}

export function failed(cause?: unknown): TidewireError {
  const message = 'The server did not answer. Try again.'
  return new TidewireError('connection_failed', message, { temporary: true, cause })
}

function settled(client: Tidewire, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError('The request', signal))
    const stops: (() => void)[] = []
    const end = (settle: () => void): void => {
      for (const stop of stops.splice(0)) stop()
      settle()
    }
    const look = (): void => {
      const { state } = client
      if (state.name === 'failed') end(() => reject(state.error))
      else if (state.name !== 'connecting' && state.name !== 'reconnecting') end(resolve)
    }
    const abort = (): void => end(() => reject(abortError('The request', signal)))
    signal?.addEventListener('abort', abort)
    stops.push(client.on('state', look), () => signal?.removeEventListener('abort', abort))
    look()
  })
}
