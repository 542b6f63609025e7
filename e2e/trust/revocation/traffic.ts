import { Peer } from '../support/peer.ts'

const PER_SECOND = 200

/** A backend that publishes to a channel, 200 times a second. */
export class Traffic {
  readonly #peer: Peer
  readonly #timer: NodeJS.Timeout

  private constructor(peer: Peer, channel: string) {
    this.#peer = peer
    let n = 0
    this.#timer = setInterval(() => void peer.publish(channel, { n: n++ }), 1000 / PER_SECOND)
  }

  static async start(url: string, token: string, channel: string): Promise<Traffic> {
    return new Traffic(await Peer.open(url, { token }), channel)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#peer.end()
  }
}

/** Fills the log of a channel: `count` publications of `bytes` each. Resolves when the last is answered. */
export async function fill(
  url: string,
  token: string,
  channel: string,
  { count, bytes }: { count: number; bytes: number },
): Promise<void> {
  const peer = await Peer.open(url, { token })
  const body = { text: 'x'.repeat(bytes) }
  await Promise.all(Array.from({ length: count }, () => peer.publish(channel, body)))
  peer.end()
}
