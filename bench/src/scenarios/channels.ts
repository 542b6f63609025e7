import { join } from 'node:path'

import { type ChannelsSample, describeChannelsProblem } from '../channels.ts'
import { paths } from '../paths.ts'
import type { Peer } from '../peers.ts'
import { ratio } from '../summary.ts'
import type { Outcome } from './interleave.ts'

/** The server that has many channels, where the peer's own knows only one. */
export function withChannels(peer: Peer): Peer {
  const file = { ws: 'ws-channels.ts', bun: 'bun-channels.ts' }[peer.name as string]
  if (file === undefined) return peer
  return {
    ...peer,
    command: (port, directory) =>
      peer.command(port, directory).map((part) => (part.endsWith('.ts') ? serverFile(file) : part)),
  }
}

/** What the generator speaks with it. */
export function protocolOf(peer: Peer): 'tidewire' | 'ws' | 'socketio' {
  switch (peer.name) {
    case 'tidewire':
      return 'tidewire'
    case 'socket.io':
      return 'socketio'
    default:
      return 'ws'
  }
}

/** What all loads on many channels have in common; the columns add what they count by. */
export function channelsOutcome(sample: ChannelsSample, values: Outcome['values']): Outcome {
  const generatorCpu = ratio(sample.cpuSeconds, sample.seconds)
  const failure = failureOf(sample)
  return {
    values: {
      ...values,
      serverCpu: ratio(sample.serverCpuSeconds, sample.seconds) * 100,
      generatorCpu: generatorCpu * 100,
    },
    generatorCpu,
    otherCpu: ratio(sample.otherCpuSeconds, sample.seconds),
    ...(failure !== undefined && { failure }),
  }
}

/** A server that stood still for the whole window has not been measured. */
function failureOf({ problem, acks, deliveries }: ChannelsSample): string | undefined {
  if (problem !== undefined) return describeChannelsProblem(problem)
  return acks + deliveries === 0 ? 'nothing came back while it was measured' : undefined
}

function serverFile(name: string): string {
  return join(paths.servers, name)
}
