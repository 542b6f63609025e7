import { afterEach, expect, test, vi } from 'vitest'

import { peerNamed } from './peers.ts'

afterEach(() => void vi.unstubAllEnvs())

test.each(['nats', 'jetstream', 'jetstream-always'] as const)(
  'BENCH_PEER_NATS names the program of %s',
  (name) => {
    vi.stubEnv('BENCH_PEER_NATS', '/opt/nats-server')
    expect(peerNamed(name).command(4222, '/data')[0]).toBe('/opt/nats-server')
    vi.stubEnv('BENCH_PEER_NATS', undefined)
    expect(peerNamed(name).command(4222, '/data')[0]).toBe('nats-server')
  },
)
