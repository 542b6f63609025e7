import { Churner } from '../rig/churner.ts'
import { type Load, standardLoad } from '../rig/load.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { pause, until } from '../rig/until.ts'
import type { Scenario } from './scenario.ts'

const SIZES = {
  small: { churners: 25, perSecond: 200, forMs: 2500 },
  large: { churners: 100, perSecond: 500, forMs: 12_000 },
}

/** One channel under steady publishing, while clients come, go and are cut off in every moment of a subscription. */
export const subscribeRace: Scenario = {
  id: 'S05',
  title: 'subscribe, unsubscribe and die while publications flow',
  run: (seed, size) => {
    const { churners, perSecond, forMs } = SIZES[size]
    return run({
      scenario: 'S05',
      seed,
      load: loadOf(perSecond),
      faults: (rig) => churn(rig, churners, forMs),
      after: noneLeft,
      rules: () => ({ minAcked: perSecond, minDelivered: perSecond * 10 }),
    })
  },
}

function loadOf(perSecond: number): Load {
  const load = standardLoad('chat', 0.1)
  const publishers = { websocket: 4, http: 0, client: 0 }
  const ratePerSecond = perSecond / publishers.websocket
  return { ...load, publishers, ratePerSecond, channels: 1, channelsPerReader: 1, bodyBytes: 40 }
}

async function churn(rig: Rig, count: number, forMs: number): Promise<string[]> {
  const { recorder, answers, channels, token } = rig
  const churners = Array.from({ length: count }, (_, i) => {
    const name = `churner-${i}`
    const chance = rig.chance.fork(name)
    return new Churner({ name, url: rig.server.url, token, channels, recorder, answers, chance })
  })
  for (const churner of churners) churner.start()
  await pause(forMs)
  await Promise.all(churners.map((churner) => churner.stop()))
  const opened = churners.reduce((sum, churner) => sum + churner.opened, 0)
  return opened > count * 3 ? [] : [`Only ${opened} streams were opened.`]
}

/** Whoever left is forgotten. */
async function noneLeft({ server, readers }: Rig): Promise<string[]> {
  await Promise.all(readers.map((reader) => reader.stop()))
  let open = NaN
  await until(
    async () => (open = await server.metric('tidewire_connections_open')) === 0,
    () => `${open} connections are open after everybody left.`,
    5000,
  )
  return []
}
