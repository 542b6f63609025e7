import { parseArgs } from 'node:util'

import { isPeerName, type PeerName, peerNames } from './peers.ts'

export type Scenario = 'fanout' | 'durable'

export interface Flags {
  scenario: Scenario
  subscribers: number
  /** Bytes. */
  payload: number
  inFlight: number[]
  /** Seconds. */
  warmup: number
  seconds: number
  repeat: number
  only: PeerName[]
  /** Where the results are written. */
  json: string | undefined
}

export const usage = `npm run bench -- [fanout|durable] [flags]

  --subscribers n   subscribers of the channel (fanout; 200)
  --payload n       bytes of the published JSON payload (100)
  --in-flight a,b   publications open at a time (fanout 1,256; durable 1,64)
  --seconds n       measured in each run (5)
  --warmup n        before that (2)
  --repeat n        runs of each server, interleaved (3)
  --only a,b        of ${peerNames.join(', ')} (fanout; all)
  --json path       where the results go (bench/results/<scenario>.json)`

/** Throws an error whose message is for the person who typed. */
export function parseFlags(args: readonly string[]): Flags {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      subscribers: { type: 'string', default: '200' },
      payload: { type: 'string', default: '100' },
      'in-flight': { type: 'string' },
      seconds: { type: 'string', default: '5' },
      warmup: { type: 'string', default: '2' },
      repeat: { type: 'string', default: '3' },
      only: { type: 'string', default: peerNames.join(',') },
      json: { type: 'string' },
    },
  })
  const scenario = positionals[0] ?? 'fanout'
  if (positionals.length > 1 || (scenario !== 'fanout' && scenario !== 'durable')) {
    throw new Error(`There are two scenarios, fanout and durable; not "${positionals.join(' ')}".`)
  }
  const inFlight = values['in-flight'] ?? (scenario === 'fanout' ? '1,256' : '1,64')
  return {
    scenario,
    subscribers: whole('subscribers', values.subscribers),
    payload: whole('payload', values.payload),
    inFlight: inFlight.split(',').map((value) => whole('in-flight', value)),
    warmup: positive('warmup', values.warmup),
    seconds: positive('seconds', values.seconds),
    repeat: whole('repeat', values.repeat),
    only: values.only.split(',').map(toPeerName),
    json: values.json,
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < Infinity))
    throw new Error(`--${name} is a number above 0, not "${text}".`)
  return value
}

function whole(name: string, text: string): number {
  const value = positive(name, text)
  if (!Number.isInteger(value)) throw new Error(`--${name} is a whole number, not "${text}".`)
  return value
}

function toPeerName(name: string): PeerName {
  if (isPeerName(name)) return name
  throw new Error(`--only takes ${peerNames.join(', ')}; not "${name}".`)
}
