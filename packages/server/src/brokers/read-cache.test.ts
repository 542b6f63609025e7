import { expect, it } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import { ReadCache } from './read-cache.ts'

it('what was read is found again, until it is forgotten or there is too much', () => {
  const cache = new ReadCache()
  const [one, two] = [{}, {}]
  const publication = draft('live:a', '1')
  const read = { publication, text: JSON.stringify(publication) }
  for (const [log, offset] of [
    [one, 1],
    [one, 2],
    [two, 1],
  ] as const) {
    cache.add(log, offset, read, 2 ** 20)
  }
  cache.forget(one, 1)
  cache.forgetLog(two)
  const found = (): boolean[] =>
    [cache.get(one, 1), cache.get(one, 2), cache.get(two, 1)].map((it) => it === read)
  expect(found()).toEqual([false, true, false])
  for (let offset = 1; offset <= 8; offset++) cache.add({}, offset, read, 2 ** 20)
  expect(found()).toEqual([false, false, false])
})
