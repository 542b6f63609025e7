/** How many readers of each kind there are. `websocket`, `sse` and `poll` speak the wire themselves. */
export interface Readers {
  websocket: number
  sse: number
  poll: number
  /** Applications on `@tidewire/client`, one transport each. */
  clientWebsocket: number
  clientSse: number
  clientPoll: number
}

export interface Publishers {
  websocket: number
  http: number
  /** On `@tidewire/client`, over each transport in turn. */
  client: number
}

export interface Load {
  publishers: Publishers
  /** Of each publisher. */
  ratePerSecond: number
  readers: Readers
  /** All in one namespace. */
  namespace: string
  channels: number
  /** Channels that each reader reads. */
  channelsPerReader: number
  bodyBytes: number
  /** How long a publisher waits for an answer before it repeats. */
  answerMs: number
}

/**
 * The standard load L1 of one node: 20 publishers × 10/s, 60 readers over all transports, 8 channels, 200 B bodies.
 * `scale` is that of the clients and channels; publications stay about 200 a second, so that faults meet some.
 */
export function standardLoad(namespace: string, scale: number): Load {
  const of = (count: number): number => Math.max(1, Math.round(count * scale))
  return {
    publishers: { websocket: of(8), http: of(6), client: Math.max(3, of(6)) },
    ratePerSecond: 200 / Math.max(5, 20 * scale),
    readers: {
      websocket: of(14),
      sse: of(12),
      poll: of(10),
      clientWebsocket: of(10),
      clientSse: of(7),
      clientPoll: of(7),
    },
    namespace,
    channels: Math.max(2, of(8)),
    channelsPerReader: 2,
    bodyBytes: 200,
    answerMs: 2000,
  }
}

export function channelsOf({ namespace, channels }: Load): string[] {
  return Array.from({ length: channels }, (_, i) => `${namespace}:rig-${i}`)
}
