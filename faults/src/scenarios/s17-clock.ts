import { createServerKey, issueToken } from '@tidewire/server'
import { standardLoad } from '../rig/load.ts'
import type { Report } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import type { ServerProcess } from '../rig/server-process.ts'
import { pause, until } from '../rig/until.ts'
import { WallClock } from '../rig/wall-clock.ts'
import type { Scenario, Size } from './scenario.ts'

const SIZES = { small: { scale: 0.2, restMs: 1200 }, large: { scale: 0.6, restMs: 8000 } }
const HOUR = 3600
/** Seconds ahead, one after the other: an hour forward, two hours back, and right again. */
const STEPS = [HOUR, -HOUR, 0]
/** So short that a step would cut somebody if heartbeats were judged by it. */
const HEARTBEAT_MS = 400
/** Shorter than a step. */
const TOKEN_MS = (HOUR * 1000) / 2
const SECRET = 'a secret of the fault tests, long enough for HS256'
const PROBED = 'chat:clock'

/** The wall clock of the server jumps, forward and back, while publications flow; then everybody comes back. */
export const clockSteps: Scenario = {
  id: 'S17',
  title: 'the clock of the server jumps',
  run: async (seed, size) => {
    const clock = await WallClock.make()
    try {
      return await runWith(clock, seed, size)
    } finally {
      clock.remove()
    }
  },
}

function runWith(clock: WallClock, seed: number, size: Size): Promise<Report> {
  const { key: serverKey, ...serverSide } = createServerKey('faults')
  const tokens = new Tokens()
  const { scale, restMs } = SIZES[size]
  return run({
    scenario: 'S17',
    seed,
    load: standardLoad('chat', scale),
    server: {
      env: clock.env,
      config: {
        heartbeat_ms: HEARTBEAT_MS,
        auth: { jwt_secret: SECRET, server_keys: [serverSide] },
      },
    },
    serverKey,
    getToken: (server) => tokens.issue(server),
    faults: (rig) => steps(rig, clock, tokens, restMs),
    // Offsets, order and delivery are judged as ever: no reset, one epoch.
    rules: () => ({ maxResets: 0, maxEpochs: 1, minAcked: 200, minDelivered: 500 }),
  })
}

/** A backend whose clock is that of the server. */
class Tokens {
  issued = 0

  async issue(server: ServerProcess): Promise<string> {
    this.issued += 1
    const now = await timeOf(server)
    const { token } = await issueToken({ secret: SECRET, user: 'rig', ttlMs: TOKEN_MS, now })
    return token
  }
}

/** Milliseconds since 1970, as the server has it. */
async function timeOf({ url }: ServerProcess): Promise<number> {
  const { headers } = await fetch(`${url}/health`)
  return Date.parse(headers.get('date')!)
}

async function steps(
  rig: Rig,
  clock: WallClock,
  tokens: Tokens,
  restMs: number,
): Promise<string[]> {
  const failures: string[] = []
  const ids = new Set<string>()
  let [published, before] = [0, 0]
  for (const seconds of STEPS) {
    const key = `before-${seconds}`
    const first = await publish(rig, key)
    const cut = cuts(rig)
    clock.set(seconds)
    rig.note(`clock ${seconds} s ahead`)
    await serverIs(rig, seconds)
    await pause(restMs)
    if (cuts(rig) > cut) failures.push(`The step to ${seconds} s cut healthy clients.`)
    const again = await publish(rig, key)
    const known = again.duplicate && again.offset === first.offset
    rig.measure(`key repeated after a step of ${seconds - before} s: known`, known ? 1 : 0)
    // A step ahead of more than the five minutes ends the window. One back must not.
    if (!known && seconds < before) failures.push(`The step to ${seconds} s forgot a key.`)
    failures.push(...(await repeatedWithin(rig, `after-${seconds}`)))
    for (let i = 0; i < 20; i++) ids.add((await publish(rig)).message_id)
    published += 20
    failures.push(...(await allComeBack(rig, seconds, tokens)))
    before = seconds
  }
  // Behind its own log: what it wrote was an hour later.
  clock.set(-HOUR)
  const first = await publish(rig, 'over-a-restart')
  await rig.killAndRestart(0)
  const again = await publish(rig, 'over-a-restart')
  if (!again.duplicate || again.offset !== first.offset) failures.push('A restart forgot a key.')
  rig.measure('tokens issued', tokens.issued)
  if (ids.size !== published) failures.push(`${published} ids, and ${ids.size} different ones.`)
  return failures
}

interface Receipt {
  message_id: string
  offset: number
  duplicate: boolean
}

async function publish({ server, token }: Rig, messageId?: string): Promise<Receipt> {
  const response = await fetch(
    `${server.url}/v1/channels/${encodeURIComponent(PROBED)}/publications`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'message', payload: {}, message_id: messageId }),
    },
  )
  if (!response.ok) throw new Error(`A publish answered ${await response.text()}`)
  return (await response.json()) as Receipt
}

/** Whatever the clock says, retries within real minutes are known. */
async function repeatedWithin(rig: Rig, key: string): Promise<string[]> {
  const [first, again] = [await publish(rig, key), await publish(rig, key)]
  return again.duplicate && again.offset === first.offset ? [] : [`${key} was forgotten.`]
}

/** Connections that broke off; that of a poll does with every token that ends. */
function cuts({ recorder: { events } }: Rig): number {
  return events.filter(({ type, client }) => type === 'disc' && !/poll/i.test(client)).length
}

/** Waits until the server has noticed. */
function serverIs({ server }: Rig, secondsAhead: number): Promise<void> {
  let off = NaN
  const noticed = async (): Promise<boolean> => {
    off = ((await timeOf(server)) - Date.now()) / 1000 - secondsAhead
    return Math.abs(off) < 5
  }
  return until(noticed, () => `The clock of the server is ${off} s off.`, 10_000)
}

/** All connections break: tokens of before the step are refused, or count longer, and clients get new ones. */
async function allComeBack(rig: Rig, seconds: number, tokens: Tokens): Promise<string[]> {
  const began = performance.now()
  const { issued } = tokens
  rig.downlink.sever()
  rig.uplink.sever()
  const away = (): boolean => rig.readers.some(({ live }) => !live)
  await until(away, () => 'nobody was cut', 5000)
  try {
    await rig.allLive(15_000)
  } catch (error) {
    return [`At ${seconds} s: ${String(error)}`]
  }
  if (tokens.issued === issued) return [`At ${seconds} s the tokens of before were accepted.`]
  rig.measure('all back after a step and a cut, ms', performance.now() - began)
  return []
}
