import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { isEventName } from './frame.ts'
import { isReserved, RESERVED } from './reserved.ts'
import { down, up } from './schemas/index.ts'

const PUBLISHES = ['message', 'message_edit', 'message_delete', 'reaction', 'activity']

const protocol = readFileSync(new URL('../PROTOCOL.md', import.meta.url), 'utf8')
const sections = protocol.slice(protocol.indexOf('## 3.'), protocol.indexOf('## 7.'))
const firstCells = [...sections.matchAll(/^\| (`[^|]+) \| [↑↓]/gm)].map(([, cell]) => cell ?? '')
const types = firstCells.flatMap((cell) =>
  [...cell.matchAll(/`([a-z_]+)`/g)].map(([, type]) => type ?? ''),
)

it('reserves every type in the tables of PROTOCOL.md that is not a publish', () => {
  expect(types).toContain('subscribe')
  expect(types.length).toBeGreaterThan(30)
  const publishes = types.filter((type) => !isReserved(type))
  expect(new Set(publishes)).toEqual(new Set(PUBLISHES))
})

it('reserves every type that has a schema', () => {
  expect([...Object.keys(up), ...Object.keys(down)].filter((type) => !isReserved(type))).toEqual([])
})

it('reserves only what can be a type', () => {
  expect([...RESERVED].filter((type) => !isEventName(type))).toEqual([])
})

it.each(['constructor', '__proto__', 'toString'])(
  'does not take %s for a reserved type',
  (type) => {
    expect(isReserved(type)).toBe(false)
  },
)
