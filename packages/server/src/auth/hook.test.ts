import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Question } from '../core/ports/authorizer.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { type HookOptions, HttpHook } from './hook.ts'

const CACHE_MS = 10_000
const SECRET = 'the secret of the hook, long enough'

interface Asked {
  method: string | undefined
  url: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

/** An application that answers what `reply` says, and the hook that asks it. */
async function start(options: Partial<HookOptions> = {}) {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const application = {
    asked: [] as Asked[],
    /** Those that were not answered yet. */
    waiting: [] as ServerResponse[],
    reply: (response: ServerResponse): unknown => response.end('{"allow":true}'),
    answer(value: unknown) {
      application.reply = (response) => response.end(JSON.stringify(value))
    },
    fail() {
      application.reply = (response) => response.writeHead(500).end()
    },
    hold() {
      application.reply = (response) => application.waiting.push(response)
    },
    release(value: unknown) {
      for (const response of application.waiting.splice(0)) response.end(JSON.stringify(value))
    },
  }
  const server = createServer((request, response) => {
    const { method, url, headers } = request
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      application.asked.push({ method, url, headers, body })
      application.reply(response)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/may?key=canary`
  const hook = new HttpHook({
    url,
    secret: SECRET,
    timeoutMs: 5000,
    cacheMs: CACHE_MS,
    allowPrivate: true,
    clock,
    onError: (error) => errors.push(error),
    ...options,
  })
  onTestFinished(() => {
    hook.close()
    server.closeAllConnections()
    server.close()
  })
  return { application, clock, errors, hook }
}

function ask(user: string | undefined, channel = 'chat:1', more: Partial<Question> = {}): Question {
  const actor = user === undefined ? { kind: 'anyone' as const } : { kind: 'user' as const, user }
  return { actor, action: 'subscribe', channel, ...more }
}

function askAll(hook: HttpHook, questions: readonly Question[]): Promise<boolean[]> {
  return Promise.all(questions.map(async (question) => hook.authorize(question)))
}

const users = (count: number): Question[] =>
  Array.from({ length: count }, (_, i) => ask(`user-${i}`))

const unavailable = { reason: 'unavailable' }

describe('a question', () => {
  test('says who wants to do what where, signed with the time', async () => {
    const { application, clock, hook } = await start()
    expect(await hook.authorize(ask('ada', 'chat:1', { action: 'publish' }))).toBe(true)
    const [{ method, url, headers, body } = {} as Asked] = application.asked
    expect([method, url]).toEqual(['POST', '/may?key=canary'])
    expect(headers['content-type']).toBe('application/json')
    expect(JSON.parse(body)).toEqual({
      action: 'publish',
      channel: 'chat:1',
      user: 'ada',
      kind: 'user',
    })
    const timestamp = String(headers['tidewire-timestamp'])
    expect(timestamp).toBe(`${Math.floor(clock.now() / 1000)}`)
    const digest = createHmac('sha256', SECRET).update(`${timestamp}.${body}`).digest('hex')
    expect(headers['tidewire-signature']).toBe(`v1=${digest}`)
    expect(JSON.stringify(headers)).not.toContain(SECRET)
  })

  test('about nobody in particular has no user', async () => {
    const { application, hook } = await start()
    await hook.authorize(ask(undefined))
    expect(JSON.parse(application.asked[0]?.body ?? '')).toEqual({
      action: 'subscribe',
      channel: 'chat:1',
      kind: 'anyone',
    })
  })

  test('is not signed without a secret', async () => {
    const { application, hook } = await start({ secret: undefined })
    expect(await hook.authorize(ask('ada'))).toBe(true)
    expect(application.asked[0]?.headers).not.toHaveProperty('tidewire-signature')
  })

  test('is asked once for all who ask it at the same time', async () => {
    const { application, hook } = await start({ cacheMs: 0 })
    application.hold()
    const answers = askAll(hook, Array(200).fill(ask('ada')))
    await expect.poll(() => application.waiting.length).toBe(1)
    application.release({ allow: false })
    expect(new Set(await answers)).toEqual(new Set([false]))
    expect(application.asked).toHaveLength(1)
  })
})

describe('an answer', () => {
  test.each([true, false])('counts at once for a while: %s', async (allow) => {
    const { application, clock, hook } = await start()
    application.answer({ allow })
    expect(await hook.authorize(ask('ada'))).toBe(allow)
    application.answer({ allow: !allow })
    await clock.advance(CACHE_MS - 1)
    expect(hook.authorize(ask('ada'))).toBe(allow)
    await clock.advance(1)
    expect(await hook.authorize(ask('ada'))).toBe(!allow)
    expect(application.asked).toHaveLength(2)
  })

  test('counts for nothing else', async () => {
    const { application, hook } = await start()
    await hook.authorize(ask('ada'))
    application.answer({ allow: false })
    const others = [
      ask('bob'),
      ask(undefined),
      ask('ada', 'chat:2'),
      ask('ada', 'chat:1', { action: 'publish' }),
      ask('ada', 'chat:1', { actor: { kind: 'anyone', user: 'ada' } }),
    ]
    for (const other of others) expect(await hook.authorize(other)).toBe(false)
    expect(hook.authorize(ask('ada'))).toBe(true)
  })

  test.each([
    ['longer than usual', 60_000, 60_000],
    ['shorter than usual', 1000, 1000],
    ['for an hour, when it says for a year', 365 * 24 * 3_600_000, 3_600_000],
  ])('counts as long as it says: %s', async (_, cache_ms, counts) => {
    const { application, clock, hook } = await start()
    application.answer({ allow: true, cache_ms })
    await hook.authorize(ask('ada'))
    await clock.advance(counts - 1)
    expect(hook.authorize(ask('ada'))).toBe(true)
    await clock.advance(1)
    expect(await hook.authorize(ask('ada'))).toBe(true)
    expect(application.asked).toHaveLength(2)
  })

  test.each([
    ['the configuration', { cacheMs: 0 }, { allow: true }],
    ['the answer', {}, { allow: true, cache_ms: 0 }],
  ])('is asked for every time when %s says so', async (_, options, answer) => {
    const { application, hook } = await start(options)
    application.answer(answer)
    for (let i = 0; i < 3; i++) await hook.authorize(ask('ada'))
    expect(application.asked).toHaveLength(3)
  })

  test('is one of the 10,000 that were used last', async () => {
    const { application, hook } = await start()
    await hook.authorize(ask('first'))
    await hook.authorize(ask('second'))
    const others = users(9999)
    for (let i = 0; i < others.length; i += 100) {
      await askAll(hook, others.slice(i, i + 100))
      expect(hook.authorize(ask('first'))).toBe(true)
    }
    expect(application.asked).toHaveLength(10_001)
    expect(hook.authorize(ask('first'))).toBe(true)
    expect(await hook.authorize(ask('second'))).toBe(true)
    expect(application.asked).toHaveLength(10_002)
  })
})

describe('a user who is forgotten', () => {
  test('is asked about again, others are not', async () => {
    const { application, hook } = await start()
    for (const user of ['ada', 'bob']) {
      for (const channel of ['chat:1', 'chat:2']) await hook.authorize(ask(user, channel))
    }
    application.answer({ allow: false })
    hook.forget('ada')
    expect(hook.authorize(ask('bob'))).toBe(true)
    expect(await hook.authorize(ask('ada'))).toBe(false)
    expect(await hook.authorize(ask('ada', 'chat:2'))).toBe(false)
    expect(application.asked).toHaveLength(6)
  })

  test('gets no answer that was under way: it is asked for again', async () => {
    const { application, hook } = await start()
    application.hold()
    const early = hook.authorize(ask('ada'))
    const other = hook.authorize(ask('bob'))
    await expect.poll(() => application.waiting.length).toBe(2)
    hook.forget('ada')
    const outdated = application.waiting.splice(0)
    const late = hook.authorize(ask('ada'))
    await expect.poll(() => application.waiting.length).toBe(1)
    for (const response of outdated) response.end('{"allow":true}')
    expect(await other).toBe(true)
    application.release({ allow: false })
    expect(await late).toBe(false)
    expect(await early).toBe(false)
    expect(hook.authorize(ask('ada'))).toBe(false)
    expect(hook.authorize(ask('bob'))).toBe(true)
  })
})

describe('nothing is allowed', () => {
  test.each<[string, (response: ServerResponse) => unknown]>([
    ['status 500', (response) => response.writeHead(500).end('{"allow":true}')],
    ['status 201', (response) => response.writeHead(201).end('{"allow":true}')],
    ['status 204', (response) => response.writeHead(204).end()],
    ['a redirect', (response) => response.writeHead(307, { location: '/' }).end('{"allow":true}')],
    ['no JSON', (response) => response.end('yes')],
    ['nothing', (response) => response.end()],
    ['true', (response) => response.end('true')],
    ['a list', (response) => response.end('[{"allow":true}]')],
    ['no allow', (response) => response.end('{"allowed":true}')],
    ['allow as text', (response) => response.end('{"allow":"true"}')],
    ['allow as a number', (response) => response.end('{"allow":1}')],
    ['allow of the prototype', (response) => response.end('{"__proto__":{"allow":true}}')],
    ['cache_ms as text', (response) => response.end('{"allow":true,"cache_ms":"5"}')],
    ['cache_ms below nothing', (response) => response.end('{"allow":true,"cache_ms":-1}')],
    ['cache_ms without end', (response) => response.end('{"allow":true,"cache_ms":1e999}')],
    ['too much', (response) => response.end(`{"allow":true,"x":"${'x'.repeat(65_536)}"}`)],
    ['a reply that breaks off', (response) => response.write('{"al', () => response.destroy())],
    ['no reply', (response) => response.destroy()],
  ])('by %s, which is asked for again', async (_, reply) => {
    const { application, errors, hook } = await start()
    application.reply = reply
    const error = await Promise.resolve(hook.authorize(ask('ada'))).catch((error: unknown) => error)
    expect(error).toMatchObject(unavailable)
    expect((error as Error).message).toBe('The permission cannot be asked for now. Try again.')
    expect(errors).toHaveLength(1)
    expect(String(errors[0])).not.toContain('canary')
    application.answer({ allow: true })
    expect(await hook.authorize(ask('ada'))).toBe(true)
  })

  test('by an answer that comes too late', async () => {
    const { application, hook } = await start({ timeoutMs: 50 })
    application.hold()
    await expect(hook.authorize(ask('ada'))).rejects.toMatchObject(unavailable)
    application.release({ allow: true })
    application.answer({ allow: false })
    expect(await hook.authorize(ask('ada'))).toBe(false)
  })

  test('by a hook on this machine, unless that is configured', async () => {
    const { application, errors, hook } = await start({ allowPrivate: false })
    await expect(hook.authorize(ask('ada'))).rejects.toMatchObject(unavailable)
    expect(String(errors[0])).toContain('must not be asked')
    expect(application.asked).toHaveLength(0)
  })
})

describe('a hook that fails', () => {
  const fails = async (hook: HttpHook, user: string): Promise<unknown> => {
    const error: unknown = await Promise.resolve(hook.authorize(ask(user))).catch(
      (error: unknown) => error,
    )
    expect(error).toMatchObject(unavailable)
    return error
  }

  test('five times in a row is asked once a second, until it answers', async () => {
    const { application, clock, errors, hook } = await start()
    application.fail()
    for (let i = 0; i < 20; i++) await fails(hook, `user-${i}`)
    expect(application.asked).toHaveLength(5)
    expect(await fails(hook, 'ada')).toMatchObject({ retryAfterMs: 1000 })
    await clock.advance(999)
    expect(await fails(hook, 'ada')).toMatchObject({ retryAfterMs: 1 })
    await clock.advance(1)
    await Promise.all(Array.from({ length: 20 }, (_, i) => fails(hook, `user-${i}`)))
    expect(application.asked).toHaveLength(6)
    expect(errors).toHaveLength(6)
    await clock.advance(1000)
    application.answer({ allow: true })
    expect(await hook.authorize(ask('ada'))).toBe(true)
    await askAll(hook, users(20))
    expect(application.asked).toHaveLength(27)
  })

  test('now and then is asked as ever', async () => {
    const { application, hook } = await start({ cacheMs: 0 })
    for (let round = 0; round < 4; round++) {
      application.fail()
      for (let i = 0; i < 4; i++) await fails(hook, 'ada')
      application.answer({ allow: true })
      expect(await hook.authorize(ask('ada'))).toBe(true)
    }
    expect(application.asked).toHaveLength(20)
  })

  test('still lets those pass of whom it is known', async () => {
    const { application, hook } = await start()
    expect(await hook.authorize(ask('ada'))).toBe(true)
    application.fail()
    for (let i = 0; i < 6; i++) await fails(hook, `user-${i}`)
    expect(hook.authorize(ask('ada'))).toBe(true)
  })
})

describe('many questions', () => {
  test('100 are asked at a time, 1,000 wait, and the others cannot be told', async () => {
    const { application, hook } = await start()
    application.hold()
    const answers = Array.from({ length: 1200 }, (_, i) =>
      Promise.resolve(hook.authorize(ask(`user-${i}`))).catch((error: unknown) => error),
    )
    const refused = await Promise.all(answers.slice(1100))
    for (const error of refused) expect(error).toMatchObject(unavailable)
    await expect.poll(() => application.waiting.length).toBe(100)
    expect(application.asked).toHaveLength(100)
    application.answer({ allow: true })
    application.release({ allow: true })
    expect(new Set(await Promise.all(answers.slice(0, 1100)))).toEqual(new Set([true]))
    expect(application.asked).toHaveLength(1100)
  })

  test('that have waited longer than an answer may take are not asked any more', async () => {
    const { application, clock, hook } = await start()
    application.hold()
    const first = askAll(hook, users(100))
    const last = Promise.resolve(hook.authorize(ask('ada'))).catch((error: unknown) => error)
    await expect.poll(() => application.waiting.length).toBe(100)
    await clock.advance(5000)
    application.release({ allow: true })
    await first
    expect(await last).toMatchObject(unavailable)
    expect(application.asked).toHaveLength(100)
    application.answer({ allow: true })
    expect(await hook.authorize(ask('ada'))).toBe(true)
  })
})
