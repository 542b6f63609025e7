import { type ChannelsLoad, type ChannelsMeasurement, generateChannels } from '../channels.ts'
import { FaultyRouter, type Publish, type RouterFaults } from './faulty-router.ts'

/** One publish goes wrong: the fifth of publisher 1 in channel 2. */
export const BAD: Publish = { publisher: 1, channel: 2, sequence: 5 }

export function isBad(at: Publish, sequence = BAD.sequence): boolean {
  return at.publisher === BAD.publisher && at.channel === BAD.channel && at.sequence === sequence
}

/** With six connections of two channels each, four channels have three subscribers each. */
export const LOAD: ChannelsLoad = {
  protocol: 'ws',
  prefix: 'live:',
  channels: 4,
  subscribers: 6,
  each: 2,
  publishers: 3,
  inFlight: 8,
  payload: 100,
  warmup: 0.05,
  seconds: 0.15,
  complete: 'deliveries',
  stall: 2,
}

export const silent = { begin: () => undefined, end: () => undefined }

/** Runs the generator against a server with faults. */
export async function runAgainst(
  program: string,
  faults: RouterFaults,
  load: Partial<ChannelsLoad> = {},
  events: (router: FaultyRouter) => { begin(): void; end(): void } = () => silent,
): Promise<ChannelsMeasurement> {
  await using router = await FaultyRouter.start(faults)
  const address = { port: router.port }
  return await generateChannels([program], { ...LOAD, ...load }, address, events(router))
}

/** What one of the three subscribers gets in place of the bad publish. */
export function once(fault: (message: string) => string[]): NonNullable<RouterFaults['deliver']> {
  let victim: number | undefined
  return (message, at) => {
    if (!isBad(at)) return [message]
    victim ??= at.subscriber
    return victim === at.subscriber ? fault(message) : [message]
  }
}
