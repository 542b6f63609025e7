import type { Json } from '@tidewire/protocol'
import { standardLoad } from '../rig/load.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { until } from '../rig/until.ts'
import { type Heard, type Listener, makeListeners } from './poison/listeners.ts'
import { makePoisons, type Poison, type Way, WAYS } from './poison/poisons.ts'
import { send } from './poison/send.ts'
import type { Scenario, Size } from './scenario.ts'

const ROUNDS: Record<Size, number> = { small: 1, large: 5 }
const CHANNEL = 'chat:poisoned'
/** How soon the stream has to go on. */
const GOES_ON_MS = 1000
const REPLAY_MS = 15_000
/** After as many broken streams the rest would only say the same. */
const MAX_FAILURES = 10

/** Hostile publications, every way in: each refused with its code, or the same for every subscriber, also from disk. */
export const poisoned: Scenario = {
  id: 'S21',
  title: 'poisoned messages',
  run: (seed, size) => {
    return run({
      scenario: 'S21',
      seed,
      load: standardLoad('chat', 0.1),
      faults: (rig) => poison(rig, ROUNDS[size]),
      after: (rig) => Promise.resolve(errorsLogged(rig)),
      rules: () => ({ minAcked: 50, minDelivered: 100 }),
    })
  },
}

/** What every subscriber must have, by offset. */
type Expected = Map<number, Heard & { name: string; anyId: boolean }>

async function poison(rig: Rig, rounds: number): Promise<string[]> {
  const expected: Expected = new Map()
  const failures: string[] = []
  const live = makeListeners({ url: rig.server.url, token: rig.token, channel: CHANNEL })
  await Promise.all(live.map((listener) => listener.start()))
  const first = await canary(rig, expected)
  for (let round = 0; round < rounds; round++) {
    for (const [way, one] of rig.chance.sample(everyWay(), Infinity)) {
      failures.push(...(await publishOne(rig, way, one, round, expected)))
      failures.push(...(await goesOn(rig, live, expected, `${one.name} by ${way}`)))
      if (failures.length > MAX_FAILURES) break
    }
  }
  failures.push(...compare(live, expected))
  for (const listener of live) listener.stop()
  await rig.killAndRestart(0)
  failures.push(...(await replay(rig, expected, first.epoch)))
  await rig.stopAndRestart(0)
  return failures.slice(0, MAX_FAILURES)
}

function everyWay(): [Way, Poison][] {
  return makePoisons().flatMap((one) => {
    const ways = one.ways ?? WAYS
    return ways
      .filter((way) => way !== 'msgpack' || one.msgpack !== undefined)
      .map((way): [Way, Poison] => [way, one])
  })
}

async function publishOne(
  rig: Rig,
  way: Way,
  one: Poison,
  round: number,
  expected: Expected,
): Promise<string[]> {
  const { type = 'message', channel = CHANNEL, json, msgpack } = one
  // The same id with the same body would be a repetition.
  const suffix = `${WAYS.indexOf(way)}${round % 10}`
  const messageId = idOf(one, suffix)
  const parts = { type, channel, messageId, json, msgpack }
  const sent = await send(way, rig.server.url, rig.token, parts)
  const code = typeof one.refused === 'number' ? one.refused : one.refused?.[way]
  const what = `${one.name} by ${way}`
  if (sent.name === 'acked') {
    const heard = { type, messageId: messageId ?? '', json: payloadOf(one, way) }
    expected.set(sent.offset, { ...heard, name: what, anyId: messageId === undefined })
    return code === undefined ? [] : [`${what} was accepted, and ${code} was expected.`]
  }
  const got = sent.name === 'refused' ? String(sent.code) : sent.name
  return got === String(code) ? [] : [`${what}: ${got}, and ${code ?? 'an ack'} was expected.`]
}

/** Ids that are accepted end with something that tells the ways apart, and are as long as before. */
function idOf({ messageId, refused }: Poison, suffix: string): string | undefined {
  if (messageId === undefined || refused !== undefined) return messageId
  return `${messageId.slice(0, 128 - suffix.length)}${suffix}`
}

/** What a payload is once it was read. MessagePack says U+FFFD for half a surrogate pair. */
function payloadOf({ json }: Poison, way: Way): string {
  const text = JSON.stringify(JSON.parse(json.toString()) as Json)
  return way === 'msgpack' ? wellFormed(text) : text
}

/** JSON text has unpaired surrogates as escapes, and nothing else that looks so here. */
function wellFormed(json: string): string {
  return json.replaceAll(/\\ud[89a-f][0-9a-f]{2}/g, '\ufffd')
}

/** A plain publication, and how soon all have it. */
async function goesOn(
  rig: Rig,
  listeners: readonly Listener[],
  expected: Expected,
  after: string,
): Promise<string[]> {
  const began = performance.now()
  const { offset } = await canary(rig, expected)
  const behind = (): string[] =>
    listeners.filter(({ heard }) => !heard.has(offset)).map(({ name }) => name)
  try {
    await until(() => behind().length === 0, String, GOES_ON_MS)
    rig.measure('slowest stream after a poison, ms', performance.now() - began)
    return []
  } catch {
    return [`After ${after} the stream stands still for ${behind().join(', ')}.`]
  }
}

async function canary(rig: Rig, expected: Expected): Promise<{ epoch: string; offset: number }> {
  const json = `{"n":${expected.size}}`
  const parts = { type: 'message', channel: CHANNEL, messageId: undefined, json: Buffer.from(json) }
  const sent = await send('http', rig.server.url, rig.token, { ...parts, msgpack: undefined })
  if (sent.name !== 'acked') throw new Error(`A plain publish: ${JSON.stringify(sent)}`)
  expected.set(sent.offset, { type: 'message', messageId: '', json, name: 'plain', anyId: true })
  return sent
}

/** Everything again, from disk, and the stream goes on there too. */
async function replay(rig: Rig, expected: Expected, epoch: string): Promise<string[]> {
  const since = { epoch, offset: 0 }
  const { server, token } = rig
  const listeners = makeListeners({ url: server.url, token, channel: CHANNEL, since })
  await Promise.all(listeners.map((listener) => listener.start()))
  const complete = (): boolean => listeners.every(({ heard }) => heard.size >= expected.size)
  await until(complete, String, REPLAY_MS).catch(() => undefined)
  const failures = await goesOn(rig, listeners, expected, 'a restart')
  failures.push(...compare(listeners, expected).map((failure) => `From disk: ${failure}`))
  for (const listener of listeners) listener.stop()
  return failures
}

function compare(listeners: readonly Listener[], expected: Expected): string[] {
  return listeners.flatMap((listener) => {
    const { name, heard, problems } = listener
    const found = [...problems]
    for (const [offset, wanted] of expected) {
      const got = heard.get(offset)
      if (got === undefined) found.push(`${name} has not got ${wanted.name}`)
      else if (!same(got, wanted, name)) {
        found.push(`${name} got another ${wanted.name}: ${JSON.stringify(got).slice(0, 300)}`)
      }
    }
    if (heard.size > expected.size) found.push(`${name} got what nobody sent`)
    return found
  })
}

function same(got: Heard, wanted: Heard & { anyId: boolean }, name: string): boolean {
  const json = name === 'websocket-msgpack' ? wellFormed(wanted.json) : wanted.json
  const id = wanted.anyId || got.messageId === wanted.messageId
  return got.type === wanted.type && got.json === json && id
}

/** Hostile input is no failure of the server. */
function errorsLogged({ server }: Rig): string[] {
  const lines = server.output.split('\n').filter((line) => line.includes('"level":50'))
  return lines.slice(0, 3).map((line) => `The server logged an error: ${line}`)
}
