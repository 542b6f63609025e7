import type { Tidewire } from './client.ts'
import { TidewireError } from './errors.ts'
import { answerOf, askHttp, authorization, failed } from './http.ts'
import type { ListenerOptions } from './types.ts'
import { abortError } from './wait.ts'

/** A file that the server keeps: what a message names as an attachment. */
export interface Upload {
  id: string
  name: string
  /** What its bytes are, such as `image/png`. */
  type: string
  /** Bytes. */
  size: number
  /** Its path on the server. It needs a token: pages use `uploadLink`. */
  url: string
}

export interface Progress {
  /** Bytes. */
  loaded: number
  total: number
}

export interface UploadOptions {
  /** Default: the name of the file. */
  name?: string | undefined
  /** Who may read this channel may read the file; without it, who sent it alone. */
  channel?: string | undefined
  /** In steps as the bytes leave where there is `XMLHttpRequest`; else at the beginning and at the end. */
  onProgress?: ((progress: Progress) => void) | undefined
  signal?: AbortSignal | undefined
}

export interface UploadLink {
  /** For `<img>` and `<a>`: whole, and without a token. */
  url: string
  /** ISO 8601. Ask for a new one before. */
  expiresAt: string
}

const DEFAULT_NAME = 'file'
/** `XMLHttpRequest` calls it so when nothing came. */
const NO_STATUS = 0

/**
 * Sends a file. Rejects with what the server refused it for: `message_too_large`, `bad_envelope` for its name or type,
 * `storage_full`, `rate_limited`; with `aborted`, and with `connection_failed`, after which it may be sent again.
 */
export async function upload(
  client: Tidewire,
  file: Blob & { readonly name?: string },
  options: UploadOptions = {},
): Promise<Upload> {
  const { name = file.name ?? DEFAULT_NAME, channel, onProgress = () => undefined } = options
  const { signal } = options
  const query = new URLSearchParams({ name })
  if (channel !== undefined) query.set('channel', channel)
  const headers = {
    ...(await authorization(client, signal)),
    'Content-Type': file.type || 'application/octet-stream',
  }
  const request = { url: `${client.http.url}/v1/uploads?${query}`, headers, file, signal }
  const total = file.size
  onProgress({ loaded: 0, total })
  const send = globalThis.XMLHttpRequest === undefined ? sendByFetch(client) : sendByXhr(onProgress)
  const { status, text } = await send(request)
  const answer = answerOf(status, text) as Upload
  onProgress({ loaded: total, total })
  return answer
}

/** An address that shows the file to whoever has it, for a few minutes. */
export async function uploadLink(
  client: Tidewire,
  id: string,
  options: ListenerOptions = {},
): Promise<UploadLink> {
  const path = `/v1/uploads/${encodeURIComponent(id)}/link`
  const { url, expires_at } = (await askHttp(client, 'GET', path, options)) as {
    url: string
    expires_at: string
  }
  return { url: client.http.url + url, expiresAt: expires_at }
}

/** Deletes a file that this user sent. */
export async function deleteUpload(
  client: Tidewire,
  id: string,
  options: ListenerOptions = {},
): Promise<void> {
  await askHttp(client, 'DELETE', `/v1/uploads/${encodeURIComponent(id)}`, options)
}

interface SendRequest {
  url: string
  headers: Record<string, string>
  file: Blob
  signal: AbortSignal | undefined
}

type Send = (request: SendRequest) => Promise<{ status: number; text: string }>

function sendByFetch(client: Tidewire): Send {
  return async ({ url, headers, file, signal }) => {
    try {
      const init = { method: 'POST', headers, body: file, ...(signal && { signal }) }
      const response = await client.http.fetch(url, init)
      return { status: response.status, text: await response.text() }
    } catch (cause) {
      throw signal?.aborted ? aborted(signal) : failed(cause)
    }
  }
}

function sendByXhr(onProgress: (progress: Progress) => void): Send {
  return ({ url, headers, file, signal }) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal))
      const xhr = new XMLHttpRequest()
      const abort = (): void => xhr.abort()
      signal?.addEventListener('abort', abort)
      xhr.upload.addEventListener('progress', ({ loaded }) => {
        onProgress({ loaded, total: file.size })
      })
      xhr.addEventListener('abort', () => reject(aborted(signal)))
      xhr.addEventListener('loadend', () => {
        signal?.removeEventListener('abort', abort)
        if (xhr.status === NO_STATUS) reject(failed())
        else resolve({ status: xhr.status, text: xhr.responseText })
      })
      xhr.open('POST', url)
      for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
      xhr.send(file)
    })
}

function aborted(signal: AbortSignal | undefined): TidewireError {
  return abortError('The upload', signal)
}
