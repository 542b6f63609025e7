import { expect, it } from 'vitest'
import type { Client, Frame } from '../../client.ts'
import type { Server } from '../../server.ts'
import { FakeClock } from '../../testing/fake-clock.ts'
import { Pushes } from './pushes.ts'
import { Roster } from './roster.ts'

const ROOM = 'chat:a'

/** A room with watchers, and what was sent, a list a turn. */
function crowd(size: number) {
  const clock = new FakeClock()
  const turns: { client: Client; told: string[] }[][] = []
  const send = (clients: readonly Client[], frames: readonly Frame[]): void => {
    const told = frames.map(({ payload }) => {
      const { action, user } = payload as { action: string; user: string }
      return `${action} ${user}`
    })
    turns.push(clients.map((client) => ({ client, told })))
  }
  const server = { clock, send, failed: () => undefined } as unknown as Server
  const roster: Roster = new Roster({
    clock,
    graceMs: 1000,
    maxMembers: 100,
    maxChannels: 10,
    onChange: (channel, user, before) => pushes.changed(channel, user, before),
  })
  const pushes = new Pushes(server, roster)
  const watchers = Array.from({ length: size }, () => ({}) as Client)
  for (const watcher of watchers) pushes.watch(ROOM, watcher)
  const heardBy = (watcher: Client): string[] =>
    turns.flat().flatMap(({ client, told }) => (client === watcher ? told : []))
  return { clock, roster, pushes, watchers, turns, heardBy }
}

it('tells a crowd over several turns, everybody once and in order', async () => {
  const { clock, roster, watchers, turns, heardBy } = crowd(200)
  const [ada, bob] = [{}, {}]
  roster.enter(ROOM, 'ada', ada, {})
  // While some were told and others were not.
  clock.endOfTurn(() => {
    roster.leave(ROOM, 'ada', ada)
    roster.enter(ROOM, 'bob', bob, {})
  })
  await clock.settle()
  expect(turns.map((turn) => turn.length)).toEqual([50, 50, 50, 50])
  await clock.advance(1000)
  expect(turns).toHaveLength(8)
  for (const watcher of watchers) {
    expect(heardBy(watcher)).toEqual(['enter ada', 'leave ada', 'enter bob'])
  }
})

it('leaves out of a crowd who stopped to watch before its turn came', async () => {
  const { clock, roster, pushes, watchers, heardBy } = crowd(80)
  roster.enter(ROOM, 'ada', {}, {})
  clock.endOfTurn(() => pushes.unwatch(ROOM, watchers[79]!))
  await clock.settle()
  expect(heardBy(watchers[78]!)).toEqual(['enter ada'])
  expect(heardBy(watchers[79]!)).toEqual([])
})
