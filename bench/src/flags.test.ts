import { describe, expect, test } from 'vitest'

import { optionsFor, parseFlags, usage } from './flags.ts'
import { scenarios } from './scenarios/index.ts'
import { scheduleOf } from './schedule.ts'

const parse = (...args: string[]) => parseFlags(args, 'results')

test('without a word the two broadcasts run, twice, against the peers that npm brings', () => {
  expect(parse()).toEqual({
    command: 'run',
    ids: ['s1', 's2'],
    all: false,
    quick: false,
    profile: false,
    only: ['tidewire', 'bun', 'ws', 'socket.io'],
    seconds: undefined,
    warmup: undefined,
    repeat: 2,
    json: 'results',
  })
})

test('scenarios run in the order of the report, against all their peers', () => {
  expect(parse('s2', 's1')).toMatchObject({ ids: ['s1', 's2'], only: undefined, repeat: undefined })
})

test('--all means every scenario', () => {
  expect(parse('--all')).toMatchObject({ all: true, ids: scenarios.map(({ id }) => id) })
})

test('all scenarios together stay below 40 minutes', () => {
  const minutes = scenarios.map(({ id }) => scheduleOf(id).minutes)
  expect(minutes.reduce((sum, each) => sum + each, 0)).toBeLessThan(40)
})

test('a quick run measures once and leaves earlier results alone', () => {
  const flags = parse('s1', '--quick')
  expect(flags.json).toBeUndefined()
  expect(optionsFor('s1', flags)).toEqual({ warmup: 0.5, seconds: 1, repeat: 1, quick: true })
  expect(parse('s1', '--quick', '--json', 'elsewhere').json).toBe('elsewhere')
})

test('profiles are made of tidewire, once each, and leave earlier results alone', () => {
  const flags = parse('s2', '--profile')
  expect(flags).toMatchObject({ profile: true, only: ['tidewire'], json: undefined })
  expect(optionsFor('s2', flags)).toEqual({ ...optionsFor('s2', parse('s2')), repeat: 1 })
  expect(parse('s2', '--profile', '--only', 'ws').only).toEqual(['ws'])
})

describe('how long a scenario runs', () => {
  test('is what its schedule says', () => {
    const { warmup, seconds, repeat } = scheduleOf('s2')
    expect(optionsFor('s2', parse('s2'))).toEqual({ warmup, seconds, repeat, quick: false })
  })

  test('is what was typed instead', () => {
    const flags = parse('s2', '--seconds', '7', '--warmup', '0.5', '--repeat', '5')
    expect(optionsFor('s2', flags)).toEqual({ warmup: 0.5, seconds: 7, repeat: 5, quick: false })
  })
})

test('report and help run nothing', () => {
  expect(parse('report')).toMatchObject({ command: 'report', ids: [] })
  expect(parse('--help')).toMatchObject({ command: 'help' })
  expect(usage()).toContain('s2           Broadcast, saturated')
})

test.each([
  [['--only', 'ws,uws'], /^--only takes tidewire, .*; not "uws"\.$/],
  [['--repeat', '1.5'], /^--repeat is a whole number, not "1.5"\.$/],
  [['--seconds', '0'], /^--seconds is a number above 0, not "0"\.$/],
  [['s1', 'chaos'], /^The scenarios are s1, s2, .*; not "chaos"\.$/],
  [['--all', 's1'], /^--all takes no scenario; "s1" is one too many\.$/],
  [['report', 's1'], /^report takes no scenario; "s1" is one too many\.$/],
])('%j is refused with a sentence', (args, sentence) => {
  expect(() => parse(...args)).toThrow(sentence)
})
