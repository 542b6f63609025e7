const MAX_LENGTH = 300
const NAME = /^(?:\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

const THIS_MACHINE = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/

/** Where a page is from (RFC 6454 §7), or what a request was sent to. */
interface Origin {
  /** With its colon: `https:`. */
  protocol: string
  name: string
  /** That of the scheme where none is written; empty where the scheme has none. */
  port: string
}

/** What a request was sent to. `protocol` is undefined where either may be meant. */
export interface Self {
  protocol: 'http:' | 'https:' | undefined
  name: string
  port: string | undefined
}

/** Which pages may connect: those of the host that they ask, and those of a list. */
export class Origins {
  readonly #all: boolean
  readonly #exact: ReadonlySet<string>
  readonly #wildcards: readonly Origin[]
  readonly #ofThisMachine: boolean

  /**
   * Each `scheme://host[:port]`, with a leading `*.` for one or more labels; `*` for all. `ofThisMachine`: also pages that
   * another server of this machine gave out, on whatever port.
   */
  constructor(entries: readonly string[], ofThisMachine = false) {
    this.#ofThisMachine = ofThisMachine
    this.#all = entries.includes('*')
    this.#exact = new Set(entries)
    this.#wildcards = entries.flatMap((entry) => {
      const [scheme, rest] = entry.split('://*.')
      const origin = rest === undefined ? undefined : parseOrigin(`${scheme}://${rest}`)
      return origin === undefined ? [] : [origin]
    })
  }

  /** `text` as a browser sends it. What no browser would send is never allowed. */
  allow(text: string, self: Self | undefined): boolean {
    const origin = parseOrigin(text)
    if (origin === undefined) return false
    if (this.#all || this.#exact.has(text)) return true
    if (self !== undefined && isSame(origin, self)) return true
    if (this.#ofThisMachine && THIS_MACHINE.test(origin.name)) return true
    return this.#wildcards.some(
      ({ protocol, name, port }) =>
        origin.protocol === protocol && origin.port === port && origin.name.endsWith(`.${name}`),
    )
  }
}

function isSame(origin: Origin, { protocol, name, port }: Self): boolean {
  const ownPort = DEFAULT_PORTS[origin.protocol]
  if (ownPort === undefined || origin.name !== name) return false
  if (protocol !== undefined && protocol !== origin.protocol) return false
  return origin.port === (port ?? ownPort)
}

/** Strict: an origin has exactly one way to be written, and browsers write it. `null` is none. */
function parseOrigin(text: string): Origin | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const url = URL.parse(text)
  if (url === null || url.protocol === 'file:' || !NAME.test(url.hostname)) return undefined
  const { protocol, host, hostname: name } = url
  if (text !== `${protocol}//${host}`) return undefined
  return { protocol, name, port: url.port || (DEFAULT_PORTS[protocol] ?? '') }
}
