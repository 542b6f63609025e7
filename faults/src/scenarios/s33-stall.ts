import { type Load, standardLoad } from '../rig/load.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { pause, until } from '../rig/until.ts'
import type { Scenario } from './scenario.ts'

const SIZES = {
  small: { scale: 0.2, stalls: 2 },
  large: { scale: 0.6, stalls: 12 },
}
const HEARTBEAT_MS = 700
/** A server that listens ends a silent connection after this. */
const LIMIT_MS = 2 * HEARTBEAT_MS

/** The server stands still, as under a loop that is blocked: the silence was its own, and nobody is cut off for it. */
export const stall: Scenario = {
  id: 'S33',
  title: 'a server that stands still',
  run: (seed, size) => {
    const { scale, stalls } = SIZES[size]
    return run({
      scenario: 'S33',
      seed,
      load: loadOf(scale),
      server: { config: { heartbeat_ms: HEARTBEAT_MS } },
      faults: (rig) => stand(rig, stalls),
      rules: () => ({ maxResets: 0, maxEpochs: 1, minAcked: 50, minDelivered: 200 }),
    })
  },
}

/** All that is read is in two channels, so that every reader has much to read. */
function loadOf(scale: number): Load {
  // Answers are late by as much as the server stands still.
  return { ...standardLoad('chat', scale), channels: 2, answerMs: 10_000 }
}

async function stand(rig: Rig, stalls: number): Promise<string[]> {
  const chance = rig.chance.fork('stalls')
  const { server, recorder } = rig
  await pause(500)
  const before = await endedBy(rig)
  const from = recorder.events.length
  let stoodMs = 0
  for (let i = 0; i < stalls; i++) {
    const standsMs = Math.round(LIMIT_MS * (1.2 + 0.8 * chance.next()))
    stoodMs += standsMs
    rig.note(`stands still for ${standsMs} ms`)
    server.freeze()
    await pause(standsMs)
    server.thaw()
    await goesOn(rig)
    // At times it stands still again before a heartbeat is over.
    await pause(chance.between(0, LIMIT_MS))
  }
  // Whoever it holds against somebody, it does by then.
  await pause(1.2 * LIMIT_MS)
  const cut = new Set<string>()
  for (const event of recorder.events.slice(from)) if (event.type === 'disc') cut.add(event.client)
  const failures = [...cut].map((client) => `${client} was cut off.`)
  const ended = (await endedBy(rig)) - before
  if (ended > 0) failures.push(`The server ended ${ended} connections after ${stoodMs} ms.`)
  return failures
}

/** Sockets and streams that are no more. */
async function endedBy({ server }: Rig): Promise<number> {
  const of = (transport: string) =>
    server.metric('tidewire_connections_closed_total', { transport })
  return (await of('websocket')) + (await of('sse'))
}

/** Something that is sent from now on reaches every reader. */
async function goesOn({ recorder, readers }: Rig): Promise<void> {
  const from = recorder.events.length
  const waiting = (): string[] => {
    const sent = new Set<string>()
    const reached = new Set<string>()
    for (const event of recorder.events.slice(from)) {
      if (event.type === 'pub.invoke') sent.add(event.value)
      else if (event.type === 'recv' && sent.has(event.value)) reached.add(event.client)
    }
    return readers.filter(({ name }) => !reached.has(name)).map(({ name }) => name)
  }
  await until(
    () => waiting().length === 0,
    () => `Nothing that was sent after a stall reached ${waiting().join(', ')}.`,
    5000,
  )
}
