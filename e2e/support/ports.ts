import type { PortRange } from '@tidewire/server/testing/free-port'

/** Those of the processes that are started here. */
export const PORTS: PortRange = { first: 20_000, count: 10_000 }
