import { beforeAll, describe, expect, test } from 'vitest'

import { type ChannelsMeasurement, generateChannels } from './channels.ts'
import { compileGenerator, hasCompiler } from './generator.ts'
import { LOAD, silent } from './testing/channels-rig.ts'
import { FaultyNats, type NatsFaults } from './testing/faulty-nats.ts'

describe.skipIf(!hasCompiler())('the load generator against JetStream', () => {
  let program = ''
  beforeAll(() => {
    program = compileGenerator('channels')
  })

  async function run(faults: NatsFaults): Promise<ChannelsMeasurement> {
    await using server = await FaultyNats.start(faults)
    const load = {
      ...LOAD,
      protocol: 'nats',
      prefix: 'log.',
      acks: true,
      complete: 'acks',
      stall: 0.5,
    } as const
    return await generateChannels([program], load, { port: server.port }, silent)
  }

  test('awaits an ack for every publish, and checks what subscribers get', async () => {
    const result = await run({})
    expect(result.problem).toBeUndefined()
    expect(result.total.publications).toBeGreaterThan(0)
    expect(result.total.acks).toBe(result.total.publications)
    expect(result.total.deliveries).toBe(result.total.publications * 3)
  })

  test('reports a publish that one subscriber never got as a gap', async () => {
    const lost = '"0010002000000005' // publisher, channel, sequence number
    const { problem } = await run({
      deliver: (message) => (message.includes(lost) ? [] : [message]),
    })
    expect(problem).toMatchObject({ kind: 'gap', publisher: 1, channel: 2, expected: 5 })
  })

  test('reports an error in place of an ack', async () => {
    const { problem } = await run({ acknowledge: () => '{"error":{"code":503}}' })
    expect(problem).toMatchObject({ kind: 'refused', text: '{"error":{"code":503}}' })
  })

  test('reports an ack that never comes', async () => {
    const { problem } = await run({ acknowledge: () => undefined })
    expect(problem?.kind).toBe('stall')
  })
})
