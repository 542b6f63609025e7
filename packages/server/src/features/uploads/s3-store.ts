import { openAsBlob } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { ProtocolError } from '@tidewire/protocol'
import { AwsClient } from 'aws4fetch'
import type { BlobStore, ByteRange } from './blob-store.ts'
import { ignoreMissing } from './receive.ts'

export interface S3Options {
  /** `https://s3.eu-central-1.amazonaws.com`, `http://minio:9000`: buckets are addressed by path. */
  endpoint: string
  bucket: string
  /** Default `us-east-1`. */
  region?: string
  accessKeyId: string
  secretAccessKey: string
}

const RETRIES = 2
/** For an answer; the bytes of a file may take longer. */
const ANSWER_MS = 30_000
const WRITE_MS = 300_000

/** Files in a bucket of S3, or of what speaks as it does. */
export class S3Store implements BlobStore {
  readonly #client: AwsClient
  readonly #base: string

  constructor({ endpoint, bucket, region = 'us-east-1', ...keys }: S3Options) {
    this.#client = new AwsClient({ ...keys, region, service: 's3', retries: RETRIES })
    this.#base = `${endpoint.replace(/\/+$/, '')}/${encodeURIComponent(bucket)}/`
  }

  async keep(id: string, path: string, type: string): Promise<void> {
    const body = await openAsBlob(path)
    const headers = { 'Content-Type': type }
    const signal = AbortSignal.timeout(WRITE_MS)
    await finish(await this.#fetch(id, { method: 'PUT', body, headers, signal }))
    await unlink(path).catch(ignoreMissing)
  }

  async read(id: string, { start, end }: ByteRange): Promise<ReadableStream<Uint8Array>> {
    const waiting = new AbortController()
    const timer = setTimeout(() => waiting.abort(), ANSWER_MS)
    try {
      const headers = { Range: `bytes=${start}-${end}` }
      const response = await this.#fetch(id, { headers, signal: waiting.signal })
      if (!response.ok || response.body === null) await finish(response)
      return response.body!
    } finally {
      clearTimeout(timer)
    }
  }

  async remove(id: string): Promise<void> {
    const signal = AbortSignal.timeout(ANSWER_MS)
    const response = await this.#fetch(id, { method: 'DELETE', signal })
    if (response.status === 404) await response.body?.cancel()
    else await finish(response)
  }

  async #fetch(id: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#client.fetch(this.#base + id, init)
    } catch (cause) {
      throw unavailable(cause)
    }
  }
}

/** Reads an answer to its end, so that its connection is free again. Rejects when it says no. */
async function finish(response: Response): Promise<void> {
  const { ok, status } = response
  const text = await response.text()
  if (ok) return
  if (status === 404 && text.includes('NoSuchKey')) {
    throw new ProtocolError('not_found', 'The file is gone.')
  }
  throw unavailable(new Error(`S3 answered ${status}: ${text.slice(0, 500)}`))
}

function unavailable(cause: unknown): ProtocolError {
  const message = 'The store of the files does not answer. Try again a little later.'
  return new ProtocolError('unavailable', message, { cause })
}
