import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { importJWK, jwtVerify } from 'jose'

export interface Pushed {
  path: string
  headers: IncomingHttpHeaders
  /** The claims of its VAPID token, whose signature was verified. */
  claims: { aud?: unknown; sub?: unknown; exp?: unknown }
  /** What the browser would read. */
  message: Record<string, unknown>
}

interface Browser {
  ecdh: ReturnType<typeof createECDH>
  auth: Buffer
}

/** A push service on this machine, and the browsers behind it: it holds pushes to RFC 8030, 8188, 8291 and 8292. */
export class PushService {
  readonly pushed: Pushed[] = []
  /** Those that were answered with another status than 201. */
  readonly refused: Pushed[] = []
  /** Why requests were not what the standards ask for. */
  readonly faults: unknown[] = []
  /** What the next requests are answered, before 201. */
  answers: { status: number; headers?: Record<string, string> }[] = []
  /** Answers to requests without one of their own. */
  status = 201
  requests = 0
  readonly #server: Server
  readonly #browsers = new Map<string, Browser>()
  readonly #waiting = new Set<() => void>()
  /** What browsers were subscribed with. */
  applicationServerKey = ''

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(): Promise<PushService> {
    const service = new PushService()
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve))
    return service
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** What a browser gets from `pushManager.subscribe()`. */
  subscription(name: string): { endpoint: string; keys: { p256dh: string; auth: string } } {
    const ecdh = createECDH('prime256v1')
    ecdh.generateKeys()
    const auth = randomBytes(16)
    this.#browsers.set(`/push/${name}`, { ecdh, auth })
    const keys = {
      p256dh: ecdh.getPublicKey('base64url'),
      auth: auth.toString('base64url'),
    }
    return { endpoint: `${this.origin}/push/${name}`, keys }
  }

  /** Resolves when the condition holds after some request. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    this.requests += 1
    const { status, headers = {} } = this.answers.shift() ?? { status: this.status }
    try {
      const pushed = await this.#read(request.url ?? '', request.headers, Buffer.concat(chunks))
      const list = status === 201 ? this.pushed : this.refused
      list.push(pushed)
    } catch (error) {
      this.faults.push(error)
    }
    response.writeHead(status, headers).end()
    for (const look of this.#waiting) look()
  }

  async #read(path: string, headers: IncomingHttpHeaders, body: Buffer): Promise<Pushed> {
    const browser = this.#browsers.get(path)
    if (browser === undefined) throw new Error(`There is no subscription ${path}.`)
    if (headers['content-encoding'] !== 'aes128gcm') throw new Error('It is not encrypted.')
    if (headers.ttl === undefined) throw new Error('There is no TTL.')
    if (body.byteLength > 4096) throw new Error('It is larger than a push service has to take.')
    const claims = await this.#verify(headers.authorization ?? '')
    const text = decrypt(body, browser).toString('utf8')
    return { path, headers, claims, message: JSON.parse(text) as Record<string, unknown> }
  }

  /** RFC 8292 */
  async #verify(authorization: string): Promise<Pushed['claims']> {
    const [, token = '', key = ''] = /^vapid t=([^,]+), ?k=(.+)$/.exec(authorization) ?? []
    if (key !== this.applicationServerKey) throw new Error('It is not who browsers subscribed to.')
    const point = Buffer.from(key, 'base64url')
    const [x, y] = [point.subarray(1, 33), point.subarray(33)]
    const jwk = { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') }
    const { payload } = await jwtVerify(token, await importJWK(jwk, 'ES256'), {
      algorithms: ['ES256'],
      audience: this.origin,
    })
    if ((payload.exp ?? Infinity) > Date.now() / 1000 + 24 * 3600) throw new Error('`exp` is far.')
    return payload
  }
}

/** RFC 8291 with the one record of RFC 8188 that it allows. */
function decrypt(body: Buffer, { ecdh, auth }: Browser): Buffer {
  const salt = body.subarray(0, 16)
  const keyEnd = 21 + (body[20] ?? 0)
  const sender = body.subarray(21, keyEnd)
  const record = body.subarray(keyEnd)
  const receiver = ecdh.getPublicKey()
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), receiver, sender])
  const ikm = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(sender), auth, keyInfo, 32))
  const derive = (info: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', ikm, salt, Buffer.from(`Content-Encoding: ${info}\0`), length))
  const cipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12))
  cipher.setAuthTag(record.subarray(-16))
  const padded = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()])
  const end = padded.lastIndexOf(2)
  if (end < 0 || padded.subarray(end + 1).some((byte) => byte !== 0)) {
    throw new Error('It is not the last record.')
  }
  return padded.subarray(0, end)
}
