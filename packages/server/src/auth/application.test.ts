import { ProtocolError } from '@tidewire/protocol'
import { expect, test } from 'vitest'
import { applicationAuthorizer, type Authorize, type AuthorizeRequest } from './application.ts'

const actor = { kind: 'user', user: 'ada', address: '192.0.2.1', token_id: 'secret' } as const
const question = { actor, action: 'publish', channel: 'chat:a' } as const

async function ask(authorize: Authorize): Promise<{ allowed: boolean; errors: unknown[] }> {
  const errors: unknown[] = []
  const authorizer = applicationAuthorizer(authorize, (error) => errors.push(error))
  return { allowed: await authorizer.authorize(question), errors }
}

test('the application is told what is to be done, where and by whom', async () => {
  const asked: AuthorizeRequest[] = []
  await ask((request) => asked.push(request) > 0)
  expect(asked).toEqual([
    { action: 'publish', channel: 'chat:a', user: 'ada', address: '192.0.2.1' },
  ])
})

test('true allows, at once or later', async () => {
  expect((await ask(() => true)).allowed).toBe(true)
  expect((await ask(async () => true)).allowed).toBe(true)
})

test.each<[string, unknown]>([
  ['false', false],
  ['nothing', undefined],
  ['1', 1],
  ['an object', {}],
  ['a promise of something else', Promise.resolve('yes')],
])('%s does not', async (_, answer) => {
  expect((await ask(() => answer as boolean)).allowed).toBe(false)
})

test('a failure allows nothing and is reported', async () => {
  const error = new ProtocolError('unavailable', 'The database is away.')
  const thrown = await ask(() => {
    throw error
  })
  const rejected = await ask(() => Promise.reject(error))
  expect(thrown).toEqual({ allowed: false, errors: [error] })
  expect(rejected).toEqual({ allowed: false, errors: [error] })
})
