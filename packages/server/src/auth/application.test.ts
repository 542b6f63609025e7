import { expect, test } from 'vitest'
import { applicationAuthorizer, type Authorize, type AuthorizeRequest } from './application.ts'

const actor = { kind: 'user', user: 'ada', address: '192.0.2.1', token_id: 'secret' } as const
const question = { actor, action: 'publish', channel: 'chat:a' } as const

async function ask(authorize: Authorize): Promise<boolean> {
  return applicationAuthorizer(authorize).authorize(question)
}

test('the application is told what is to be done, where and by whom', async () => {
  const asked: AuthorizeRequest[] = []
  await ask((request) => asked.push(request) > 0)
  expect(asked).toEqual([
    { action: 'publish', channel: 'chat:a', user: 'ada', address: '192.0.2.1' },
  ])
})

test('true allows, at once or later', async () => {
  expect(await ask(() => true)).toBe(true)
  expect(await ask(async () => true)).toBe(true)
})

test.each<[string, unknown]>([
  ['false', false],
  ['nothing', undefined],
  ['1', 1],
  ['an object', {}],
  ['a promise of something else', Promise.resolve('yes')],
])('%s does not', async (_, answer) => {
  expect(await ask(() => answer as boolean)).toBe(false)
})

test('a failure is no answer', async () => {
  const error = new Error('The database is away.')
  const thrown = ask(() => {
    throw error
  })
  await expect(thrown).rejects.toBe(error)
  await expect(ask(() => Promise.reject(error))).rejects.toBe(error)
})
