import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { converse } from './conversation.ts'
import { Doors, DOORS } from './doors.ts'
import { type Envelope, type Heard, Peer } from './peer.ts'
import { Run } from './run.ts'
import { closed, down, errorBody, held, ISO_TIME, refused, up } from './vocabulary.ts'

// What PROTOCOL.md says about two parties, and about time. They wait beside each other.

/** Of a token that is to end while it is used: time enough to connect with it. */
const LIFE_S = 6

let doors: Doors
const peers: Peer[] = []
beforeAll(async () => {
  doors = await Doors.open()
}, 180_000)
afterAll(async () => {
  for (const peer of peers) peer.wire.destroy()
  await doors.remove()
})

describe.concurrent.each(DOORS)('%s', (where, proxied) => {
  const ask = async (target: string): Promise<Peer> => {
    const peer = await Peer.ask(doors.port(proxied), { target })
    peers.push(peer)
    return peer
  }
  const open = async (token?: string): Promise<Peer> => {
    const target = token === undefined ? '/v1/ws' : `/v1/ws?token=${token}`
    const peer = await ask(target)
    expect(await peer.next()).toMatchObject({ type: 'connection_established' })
    return peer
  }
  const newRun = (name: string): Run => new Run(doors.server, doors.tokens, `${name} ${where}`)
  const fetchHere = (path: string, token: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${doors.port(proxied)}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}` },
    })
  const post = (path: string, body: object, token = doors.tokens.server): Promise<Response> =>
    fetchHere(path, token, { method: 'POST', body: JSON.stringify(body) })
  const userOf = (name: string): string => `${name}-${proxied ? 'proxied' : 'direct'}`

  test.each([
    ['a value', { value: { sum: 3 } }],
    ['null', { value: null }],
    ['an error', { error: 'no' }],
    ['an error that is an object', { error: { why: 'no' } }],
  ])('a call is answered with what the client answers: %s', async (name, result) => {
    const user = userOf(`called-${name.replaceAll(' ', '-')}`)
    const peer = await open(doors.tokenFor(user, 3600))
    const answer = post(`/v1/users/${user}/call`, { method: 'add', args: [1, 2], timeout_ms: 5000 })
    const call = await peer.next()
    expect(call).toMatchObject({
      type: 'call',
      payload: { method: 'add', args: [1, 2], timeout_ms: 5000 },
    })
    const { message_id } = (call as Envelope).metadata
    await peer.send('result', result, { correlation_id: message_id })
    const response = await answer
    expect([response.status, await response.json()]).toEqual([200, result])
  })

  test('a call that the client does not answer is 504 with 4014', async () => {
    const user = userOf('silent')
    const peer = await open(doors.tokenFor(user, 3600))
    const response = await post(`/v1/users/${user}/call`, { method: 'm', timeout_ms: 50 })
    expect(response.status).toBe(504)
    const body = (await response.json()) as object
    expect(body).toEqual(errorBody(4014, body))
    expect(await peer.next()).toMatchObject({ type: 'call' })
  })

  test('the answer of another user to a call is not heard', async () => {
    const user = userOf('impersonated')
    const peer = await open(doors.tokenFor(user, 3600))
    const other = await open(doors.tokens.bob)
    const answer = post(`/v1/users/${user}/call`, { method: 'm', timeout_ms: 5000 })
    const { metadata } = (await peer.next()) as Envelope
    await other.send('result', { value: 'forged' }, { correlation_id: metadata['message_id'] })
    await other.ping('sent')
    expect(await other.next()).toEqual({ pong: 'sent' })
    await peer.send('result', { value: 'mine' }, { correlation_id: metadata['message_id'] })
    expect(await (await answer).json()).toEqual({ value: 'mine' })
  })

  test('a disconnected user is closed with 1000, and may come back', async () => {
    const user = userOf('disconnected')
    const token = doors.tokenFor(user, 3600)
    const peer = await open(token)
    const response = await post(`/v1/users/${user}/disconnect`, {})
    expect([response.status, await response.json()]).toEqual([200, { disconnected: 1 }])
    await converse(peer, [closed(1000)], newRun('disconnected'))
    await converse(await open(token), [up('ping'), down('pong')], newRun('disconnected'))
  })

  test.each([
    ['by its user', (user: string) => ({ user })],
    ['by its id', (user: string) => ({ token_id: user })],
  ])('a token that is revoked %s is closed with 4002, and stays refused', async (name, target) => {
    const user = userOf(`revoked-${name.replaceAll(' ', '-')}`)
    const token = doors.tokenFor(user, 3600, { jti: user, iat: Date.now() / 1000 - 5 })
    const run = newRun('revoked')
    const peer = await open(token)
    const response = await post('/v1/tokens/revoke', target(user))
    expect([response.status, await response.json()]).toEqual([200, { disconnected: 1 }])
    await converse(peer, [refused(4002), closed(4002)], run)
    const again = await ask(`/v1/ws?token=${token}`)
    await converse(again, [refused(4002), closed(4002)], run)
  })

  test('a connection without a token ends with 4001 after 5 s, whatever it sends', async () => {
    const peer = await open()
    const before = performance.now()
    let pongs = -1
    let heard: Heard
    do {
      pongs += 1
      await peer.send('ping')
      heard = await peer.next()
      await new Promise((resolve) => setTimeout(resolve, 200))
    } while ('type' in heard && heard.type === 'pong')
    expect(heard).toMatchObject({ type: 'error', payload: { code: 4001 } })
    await converse(peer, [closed(4001)], newRun('deadline'))
    expect(pongs).toBeGreaterThan(3)
    const after = performance.now() - before
    expect(after).toBeGreaterThan(4500)
    expect(after).toBeLessThan(7000)
  })

  test('a token that ends soon is told of it, and then ended with 4006', async () => {
    const peer = await open(doors.tokenFor(userOf('short'), LIFE_S))
    const expiring = down('auth_expiring', { expires_at: ISO_TIME })
    expect(await converse(peer, [expiring, refused(4006), closed(4006)], newRun('short'))).toBe(
      'ended',
    )
  })

  test('a token that is refreshed in time goes on', async () => {
    const user = userOf('refreshed')
    const ends = Date.now() + LIFE_S * 1000
    const peer = await open(doors.tokenFor(user, LIFE_S))
    await converse(
      peer,
      [
        down('auth_expiring'),
        up('refresh', { token: doors.tokenFor(user, 3600) }),
        down('auth_response', { status: 'ok', user, expires_at: ISO_TIME }),
      ],
      newRun('refreshed'),
    )
    await new Promise((resolve) => setTimeout(resolve, ends + 1000 - Date.now()))
    expect(await converse(peer, [up('ping'), down('pong')], newRun('refreshed'))).toBe('goes on')
  })

  test('a token that has ended is 4006 over HTTP and at the handshake', async () => {
    const token = doors.tokenFor(userOf('ended'), -1)
    const response = await fetchHere('/v1/poll?channel=chat:a', token)
    expect(response.status).toBe(401)
    const body = (await response.json()) as object
    expect(body).toEqual(errorBody(4006, body))
    const peer = await ask(`/v1/ws?token=${token}`)
    await converse(peer, [refused(4006), closed(4006)], newRun('ended'))
  })

  test('a poll waits for a delivery and answers with it', async () => {
    const run = newRun('waiting poll')
    await run.learnEpochs()
    const path = run.fill('/v1/poll?channel=$chat&cursor=1~$chat~$epoch~0&wait=20000')
    const answer = fetchHere(path, doors.tokens.ada)
    // Whether the poll or the publication is first: the answer is the same.
    await run.hold(1, 1)
    const response = await answer
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      cursor: run.fill('1~$chat~$epoch~1'),
      publications: [{ payload: held(1).payload }],
      resets: [],
    })
  })

  test('an event stream that is silent gets a comment within 15 s', async () => {
    const run = newRun('silent stream')
    const response = await fetchHere(run.fill('/v1/sse?channel=$live'), doors.tokens.ada)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!/^:/m.test(text)) {
      const { value, done } = await reader.read()
      if (done) break
      text += value
    }
    expect(text).toMatch(/\n\n:\n\n$/)
    await reader.cancel()
  })
})
