import type { Publication } from '@tidewire/client'
import { Tidewire, type TransportName } from '@tidewire/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ServerProcess } from './support/server-process.ts'
import { until } from './support/until.ts'

const TRANSPORTS: TransportName[] = ['websocket', 'sse', 'poll']

let server: ServerProcess
let clients: Tidewire[]

beforeEach(async () => {
  clients = []
  server = await ServerProcess.start()
})

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await server.remove()
})

function connect(user: string, transport: TransportName): Tidewire {
  const client = new Tidewire({
    url: server.url,
    getToken: () => server.token(user),
    transports: [transport],
    backoff: { minMs: 20, maxMs: 200 },
  })
  clients.push(client)
  return client
}

function collect(client: Tidewire, channel: string): Publication[] {
  const received: Publication[] = []
  client.channel(channel).on('message', (publication) => received.push(publication))
  return received
}

const texts = (publications: Publication[]): unknown[] =>
  publications.map(({ payload }) => payload['content'])

describe.each(TRANSPORTS)('over %s', (transport) => {
  it('two users talk, and both hold every message once and in order', async () => {
    const ada = connect('ada', transport)
    const bob = connect('bob', transport)
    const atAda = collect(ada, 'chat:general')
    const atBob = collect(bob, 'chat:general')
    await Promise.all([ada, bob].map((client) => client.channel('chat:general').subscribe()))
    for (let i = 0; i < 20; i++) {
      const speaker = i % 2 === 0 ? ada : bob
      await speaker.channel('chat:general').publish('message', { content: `line ${i}` })
    }
    const expected = Array.from({ length: 20 }, (_, i) => `line ${i}`)
    await until(() => atAda.length === 20 && atBob.length === 20)
    expect(texts(atAda)).toEqual(expected)
    expect(texts(atBob)).toEqual(expected)
    expect(atBob.map(({ metadata }) => metadata.offset)).toEqual(expected.map((_, i) => i + 1))
  })

  it('a kill -9 in mid-conversation loses, doubles and reorders nothing that was acknowledged', async () => {
    const ada = connect('ada', transport)
    const bob = connect('bob', transport)
    const atBob = collect(bob, 'chat:general')
    const resets: unknown[] = []
    bob.channel('chat:general').onReset((reset) => resets.push(reset))
    await bob.channel('chat:general').subscribe()
    const acked: { offset: number; content: string }[] = []
    const total = 120
    const talking = (async () => {
      for (let i = 0; i < total; i++) {
        const content = `line ${i}`
        const { offset } = await ada.channel('chat:general').publish('message', { content })
        acked.push({ offset: offset!, content })
      }
    })()
    for (const at of [30, 70]) {
      await until(() => acked.length >= at)
      await server.kill()
      await server.start()
    }
    await talking
    await until(
      () => atBob.length >= total,
      () => `got ${atBob.length} of ${total}`,
    )
    expect(acked.map(({ offset }) => offset)).toEqual(acked.map((_, i) => i + 1))
    expect(texts(atBob)).toEqual(acked.map(({ content }) => content))
    expect(resets).toEqual([])
  })

  it('a reader that comes back gets exactly what it missed', async () => {
    const writer = connect('ada', 'websocket')
    const reader = connect('bob', transport)
    const received = collect(reader, 'chat:general')
    await reader.channel('chat:general').subscribe()
    await writer.channel('chat:general').publish('message', { content: 'before' })
    await until(() => received.length === 1)
    const position = reader.channel('chat:general').position
    await reader.close()
    for (const content of ['one', 'two']) {
      await writer.channel('chat:general').publish('message', { content })
    }
    const again = connect('bob', transport)
    const missed = collect(again, 'chat:general')
    const { recovered } = await again.channel('chat:general').subscribe({ since: position! })
    await until(() => missed.length === 2)
    expect(recovered).toBe(true)
    expect(texts(missed)).toEqual(['one', 'two'])
  })

  it('a memory channel tells of the gap when the server lost its log', async () => {
    const ada = connect('ada', transport)
    const received = collect(ada, 'live:score')
    const resets: { reason: string }[] = []
    ada.channel('live:score').onReset((reset) => resets.push(reset))
    await ada.channel('live:score').subscribe()
    await ada.channel('live:score').publish('message', { content: 'before' })
    await until(() => received.length === 1)
    await server.kill()
    await server.start()
    await until(() => resets.length === 1)
    await ada.channel('live:score').publish('message', { content: 'after' })
    await until(() => received.length === 2)
    expect(resets.map(({ reason }) => reason)).toEqual(['epoch_changed'])
    expect(texts(received)).toEqual(['before', 'after'])
  })

  it('signals reach who listens now, and nobody later', async () => {
    const ada = connect('ada', transport)
    const received = collect(ada, 'signal:cursor')
    await ada.channel('signal:cursor').subscribe()
    // At most once: what is sent between two polls is not heard.
    await until(async () => {
      const { offset } = await ada.channel('signal:cursor').publish('message', { content: 'here' })
      expect(offset).toBeUndefined()
      return received.length > 0
    })
    expect(received[0]?.metadata.offset).toBeUndefined()
  })
})

it('clients of all transports meet in one channel', async () => {
  const all = TRANSPORTS.map((transport) => connect(`user-of-${transport}`, transport))
  const received = all.map((client) => collect(client, 'chat:together'))
  await Promise.all(all.map((client) => client.channel('chat:together').subscribe()))
  await Promise.all(
    all.flatMap((client, i) =>
      Array.from({ length: 10 }, (_, n) =>
        client.channel('chat:together').publish('message', { content: `${i}-${n}` }),
      ),
    ),
  )
  await until(() => received.every((list) => list.length === 30))
  const order = texts(received[0]!)
  expect(new Set(order).size).toBe(30)
  for (const list of received) expect(texts(list)).toEqual(order)
})
