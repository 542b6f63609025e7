import { expect, test } from 'vitest'

import { parseFlags } from './flags.ts'

test('without flags the fan-out runs against every server', () => {
  expect(parseFlags([])).toEqual({
    scenario: 'fanout',
    subscribers: 200,
    payload: 100,
    inFlight: [1, 256],
    warmup: 2,
    seconds: 5,
    repeat: 3,
    only: ['tidewire', 'ws', 'socket.io', 'bun'],
    json: undefined,
  })
})

test('the durable scenario has its own numbers in flight', () => {
  expect(parseFlags(['durable']).inFlight).toEqual([1, 64])
  expect(parseFlags(['durable', '--in-flight', '8']).inFlight).toEqual([8])
})

test.each([
  [['--only', 'ws,uws'], '--only takes tidewire, ws, socket.io, bun; not "uws".'],
  [['--repeat', '1.5'], '--repeat is a whole number, not "1.5".'],
  [['--seconds', '0'], '--seconds is a number above 0, not "0".'],
  [['--in-flight', '1,many'], '--in-flight is a number above 0, not "many".'],
  [['chaos'], 'There are two scenarios, fanout and durable; not "chaos".'],
])('%j is refused with a sentence', (args, sentence) => {
  expect(() => parseFlags(args)).toThrow(sentence)
})
