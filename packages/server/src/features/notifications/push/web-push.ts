import { createHash } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import webPush from 'web-push'
import type { Server } from '../../../server.ts'
import { retryAfterMs } from './back-off.ts'
import { toText } from './message.ts'
import type { PushMessage, PushOutcome, PushProvider, PushSubscription } from './provider.ts'

/** The push services of the browsers. */
const PUSH_HOSTS: readonly string[] = [
  'fcm.googleapis.com',
  '*.push.services.mozilla.com',
  '*.push.apple.com',
  '*.notify.windows.com',
]
/** How long a push service keeps what it cannot deliver. */
const TTL_S = 24 * 3600
const TIMEOUT_MS = 10_000
const JWT_MS = 3_600_000
const MAX_JWTS = 100

export interface VapidKeys {
  /** Base64url of the uncompressed point: what browsers call `applicationServerKey`. */
  publicKey: string
  privateKey: string
}

export interface WebPushOptions {
  keys: VapidKeys
  /** Whom a push service asks when something is wrong: `mailto:` or `https:`. */
  subject: string
  /** Hosts of push services, each a name or `*.` and a name. Default: `PUSH_HOSTS`. */
  hosts?: readonly string[] | undefined
  /** For tests: push services of this machine and its network, also without TLS. */
  allowPrivate?: boolean | undefined
}

/** Web Push: RFC 8030, with the encryption of RFC 8291 and the identification of RFC 8292 (VAPID). */
export class WebPush implements PushProvider {
  readonly name = 'webpush'
  readonly #options: WebPushOptions
  readonly #outbound: ReturnType<Server['outbound']>
  readonly #now: () => number
  /** By origin of the push service: signing is slow, and a signature may be shown often. */
  readonly #authorizations = new Map<string, { header: string; until: number }>()

  constructor(options: WebPushOptions, server: Server) {
    this.#options = options
    const { allowPrivate = false } = options
    this.#outbound = server.outbound({ allowPrivate, timeoutMs: TIMEOUT_MS })
    this.#now = () => server.clock.now()
  }

  check({ endpoint, keys }: PushSubscription): void {
    if (!URL.canParse(endpoint)) throw bad('`endpoint` is no address.')
    const { protocol, hostname } = new URL(endpoint)
    const { hosts = PUSH_HOSTS, allowPrivate = false } = this.#options
    if (protocol !== 'https:' && !(allowPrivate && protocol === 'http:')) {
      throw bad('`endpoint` is no https: address.')
    }
    if (!hosts.some((host) => matches(host, hostname))) {
      throw bad('`endpoint` is not at a push service that this server knows.')
    }
    try {
      this.#outbound.check(endpoint)
      webPush.encrypt(keys['p256dh'] ?? '', keys['auth'] ?? '', 'test', 'aes128gcm')
    } catch (cause) {
      if (cause instanceof ProtocolError) throw bad('`endpoint` cannot be asked.', cause)
      throw bad('`keys` are not those of a push subscription: `p256dh` and `auth`.', cause)
    }
  }

  async send({ endpoint, keys }: PushSubscription, message: PushMessage): Promise<PushOutcome> {
    const { p256dh = '', auth = '' } = keys
    const subscription = { endpoint, keys: { p256dh, auth } }
    const { headers, body } = webPush.generateRequestDetails(subscription, toText(message), {
      TTL: TTL_S,
      // What is sent again replaces what was not delivered yet.
      topic: createHash('sha256').update(message.id).digest('base64url').slice(0, 32),
      headers: { Authorization: this.#authorization(new URL(endpoint).origin) },
    })
    try {
      const request = { method: 'POST' as const, headers: textual(headers), body }
      return outcomeOf(await this.#outbound.request(endpoint, request), this.#now())
    } catch (error) {
      // No answer, which is nobody's failure here.
      if (error instanceof ProtocolError && error.reason === 'unavailable') return 'retry'
      throw error
    }
  }

  #authorization(origin: string): string {
    const now = this.#now()
    const known = this.#authorizations.get(origin)
    if (known !== undefined && now < known.until) return known.header
    const { keys, subject } = this.#options
    const { publicKey, privateKey } = keys
    const { Authorization: header } = webPush.getVapidHeaders(
      origin,
      subject,
      publicKey,
      privateKey,
      'aes128gcm',
    )
    const [oldest] = this.#authorizations.keys()
    if (this.#authorizations.size >= MAX_JWTS && oldest !== undefined) {
      this.#authorizations.delete(oldest)
    }
    this.#authorizations.set(origin, { header, until: now + JWT_MS })
    return header
  }
}

function outcomeOf(
  { status, retryAfter }: { status: number; retryAfter?: string },
  now: number,
): PushOutcome {
  if (status >= 200 && status < 300) return 'sent'
  if (status === 404 || status === 410) return 'gone'
  if (status !== 429 && status < 500) return 'refused'
  const ms = retryAfterMs(retryAfter, now)
  return ms === undefined ? 'retry' : { retryAfterMs: ms }
}

/** `*.example.com` stands for all names below it, and nothing for a part of a name. */
function matches(host: string, hostname: string): boolean {
  return host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host
}

function textual(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

function bad(message: string, cause?: unknown): ProtocolError {
  return new ProtocolError('bad_envelope', message, { cause })
}
