import { expect, it } from 'vitest'
import { testStore } from '../../testing/test-store.ts'

it('keeps who belongs to which channel over a restart', async () => {
  const made = await testStore()
  const { members } = made.store
  expect(await members.add('team:a', 'ada')).toBe(true)
  expect(await members.add('team:a', 'ada')).toBe(false)
  expect(await members.add('team:a', 'bob')).toBe(true)
  expect(await members.remove('team:a', 'bob')).toBe(true)
  expect(await members.remove('team:a', 'bob')).toBe(false)
  const again = (await made.reopen()).members
  expect(await again.has('team:a', 'ada')).toBe(true)
  expect(await again.has('team:a', 'bob')).toBe(false)
  expect(await again.has('team:b', 'ada')).toBe(false)
})

it('answers at once what it was asked before, and reads it again after a change', async () => {
  const { members } = (await testStore()).store
  expect(members.has('team:a', 'ada')).toBeInstanceOf(Promise)
  expect(await members.has('team:a', 'ada')).toBe(false)
  expect(members.has('team:a', 'ada')).toBe(false)
  await members.add('team:a', 'ada')
  expect(await members.has('team:a', 'ada')).toBe(true)
  expect(members.has('team:a', 'ada')).toBe(true)
  await members.remove('team:a', 'ada')
  expect(await members.has('team:a', 'ada')).toBe(false)
})

it('never remembers an answer from before a change', async () => {
  const { members } = (await testStore()).store
  const before = members.has('team:a', 'ada')
  const [, during] = await Promise.all([
    members.add('team:a', 'ada'),
    members.has('team:a', 'ada'),
    before,
  ])
  expect(during).toBe(true)
  expect(await members.has('team:a', 'ada')).toBe(true)
})

it('lists the members of a channel in pages, in the order of their ids', async () => {
  const { members } = (await testStore()).store
  const users = ['eve', 'ada', 'Zoe', 'bob', '0', 'ada.b']
  await Promise.all(users.map((user) => members.add('team:a', user)))
  await members.add('team:b', 'carl')
  expect(await members.list('team:a', { limit: 3 })).toEqual(['0', 'Zoe', 'ada'])
  expect(await members.list('team:a', { after: 'ada', limit: 10 })).toEqual(['ada.b', 'bob', 'eve'])
  expect(await members.list('team:a', { after: 'eve', limit: 10 })).toEqual([])
})

it('finds the channels of a user, page by page, and counts the members of a channel', async () => {
  const { members } = (await testStore()).store
  for (const channel of ['chat:a', 'chat:b', 'chat:c', 'chat-2:x', 'dm:a', 'cha:t']) {
    await members.add(channel, 'ada')
  }
  await members.add('chat:a', 'bob')
  const page = { namespace: 'chat', limit: 2 }
  expect(await members.channels('ada', page)).toEqual(['chat:a', 'chat:b'])
  expect(await members.channels('ada', { ...page, after: 'chat:b' })).toEqual(['chat:c'])
  expect(await members.channels('ada', { ...page, after: '' })).toEqual(['chat:a', 'chat:b'])
  expect(await members.channels('cleo', page)).toEqual([])
  expect([await members.count('chat:a'), await members.count('chat:z')]).toEqual([2, 0])
})
