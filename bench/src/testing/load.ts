import { compileGenerator, generate, type Load } from '../generator.ts'
import type { Measurement } from '../sample.ts'
import { type Faults, FaultyServer } from './faulty-server.ts'

/** Where faults are put: not the first, and not at the edge. */
export const BAD_SUBSCRIBER = 3
export const BAD_SEQUENCE = 12

/** A moment with eight subscribers. */
export const BRIEF = {
  subscribers: 8,
  payload: 100,
  inFlight: 16,
  warmup: 0.05,
  seconds: 0.15,
  complete: 'deliveries',
  stall: 2,
} as const

/** Loads a server with `faults` for a moment, with eight subscribers unless `load` says otherwise. */
export async function loadFaulty(faults: Faults, load: Partial<Load> = {}): Promise<Measurement> {
  await using server = await FaultyServer.start(faults)
  return await generate(
    [compileGenerator('broadcast')],
    {
      port: server.port,
      protocol: 'ws',
      channel: 'live:bench',
      ...BRIEF,
      ...load,
    },
    { begin: () => undefined, end: () => undefined },
  )
}
