/** As many at once as `burst`, and `per_second` in the long run. */
export interface Rate {
  burst: number
  per_second: number
}

/** Numbers that bound what a connection, a user and an address may cost. */
export interface Limits {
  max_frame_bytes: number
  max_depth: number
  max_keys: number
  max_channels: number
  max_outbox_bytes: number
  /** Unanswered commands of a connection. */
  max_in_flight: number
  max_connections: number
  max_connections_per_user: number
  max_connections_per_address: number
  /** `history` counts publications, here and below. */
  connection: { publishes: Rate; commands: Rate; history: Rate }
  user: { publishes: Rate; commands: Rate; history: Rate }
  address: { connects: Rate; requests: Rate; publishes: Rate; failures: Rate }
  /** Publishes of a connection by their type. */
  events: Readonly<Record<string, Rate>>
}

/** What clients are told, so that they can keep to it: numbers only. Rates are there when they are kept to. */
export function toldLimits(limits: Limits, noLimits: boolean): Record<string, number> {
  const { publishes } = limits.connection
  return {
    max_frame_bytes: limits.max_frame_bytes,
    max_depth: limits.max_depth,
    max_keys: limits.max_keys,
    max_channels: limits.max_channels,
    max_outbox_bytes: limits.max_outbox_bytes,
    max_in_flight: limits.max_in_flight,
    max_connections: limits.max_connections,
    ...(noLimits
      ? {}
      : { publishes_burst: publishes.burst, publishes_per_second: publishes.per_second }),
  }
}
