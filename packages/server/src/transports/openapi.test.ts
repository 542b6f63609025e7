import { ProtocolError } from '@tidewire/protocol'
import { expect, it, onTestFinished } from 'vitest'
import { send } from '../../contract/http-client.ts'
import { serveScripted } from '../../contract/scripted-service.ts'
import { FakeClock } from '../testing/fake-clock.ts'

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
}

const MEMBER = '/v1/channels/{channel}/members/{user}'

it.each([
  ['unavailable', 503],
  ['storage_full', 507],
] as const)(
  'lists what each route that keeps something is answered where the store is %s',
  async (reason, status) => {
    const fail = (): Promise<never> =>
      Promise.reject(new ProtocolError(reason, 'The store failed.'))
    const { url, service, close } = await serveScripted(new FakeClock(), {
      tokens: { issue: fail, refresh: fail },
      members: {
        has: () => false,
        add: fail,
        remove: fail,
        count: fail,
        channels: fail,
        list: fail,
      },
    })
    onTestFinished(close)
    service.actor = { kind: 'server' }
    service.disconnect = fail
    service.refresh = (_, refresh) => refresh()
    const { paths } = (await send(`${url}/openapi.json`)).body as unknown as Document
    for (const [method, path, body] of [
      ['post', '/v1/tokens', { user: 'ada' }],
      ['post', '/v1/tokens/refresh', { refresh_token: 'r' }],
      ['post', '/v1/tokens/revoke', { user: 'ada' }],
      ['put', MEMBER, undefined],
      ['delete', MEMBER, undefined],
    ] as const) {
      const to = url + path.replace('{channel}', 'chat:a').replace('{user}', 'ada')
      const answer = await send(to, { method: method.toUpperCase(), body })
      const listed = Object.keys(paths[path]![method]!.responses)
      expect([method, path, answer.status]).toEqual([method, path, status])
      expect([method, path, ...listed]).toContain(`${status}`)
    }
  },
)
