import { randomBytes } from 'node:crypto'
import { type IncomingMessage, request, type RequestOptions } from 'node:http'
import type { Page, Place } from './table.ts'

/** A number: refused with this code. */
export type Outcome = 'in' | number | `HTTP ${number}`

export interface Visit {
  outcome: Outcome
  /** Access-Control-Allow-Origin. */
  readableBy: string | undefined
}

interface Target {
  method?: string
  path: string
  /** The status that says that the page is in. */
  status: number
  headers?: Readonly<Record<string, string>>
}

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': randomBytes(16).toString('base64'),
}

export const TRANSPORTS: Readonly<Record<string, Target>> = {
  WebSocket: { path: '/v1/ws', status: 101, headers: UPGRADE },
  SSE: { path: '/v1/sse?channel=chat:a', status: 200 },
  poll: { path: '/v1/poll?channel=chat:a&wait=0', status: 200 },
  HTTP: { path: '/v1/channels/chat:a/publications', status: 200 },
  preflight: {
    method: 'OPTIONS',
    path: '/v1/channels/chat:a/publications',
    status: 204,
    headers: { 'access-control-request-method': 'POST' },
  },
}

/** What the server says to a page of `origin` that asks for it by the name `host`. */
export async function visit(
  port: number,
  { method = 'GET', path, status, headers }: Target,
  { origin }: Pick<Page, 'origin'>,
  { host, headers: more }: Pick<Place, 'host' | 'headers'>,
  token: string,
): Promise<Visit> {
  const all = { authorization: `Bearer ${token}`, ...headers, ...more }
  const lines = [
    ...pairs('Host', host),
    ...pairs('Origin', origin),
    ...Object.entries(all).flatMap(([name, value]) => [name, value]),
  ]
  const response = await ask({ port, method, path, headers: lines, setHost: false })
  const readableBy = response.headers['access-control-allow-origin']
  const answered = response.statusCode ?? 0
  if (answered === status) {
    response.destroy()
    return { outcome: 'in', readableBy }
  }
  const body = await textOf(response)
  return { outcome: codeIn(body) ?? `HTTP ${answered}`, readableBy }
}

function pairs(name: string, value: string | readonly string[] | undefined): string[] {
  return [value ?? []].flat().flatMap((one) => [name, one])
}

function ask(options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(options)
    sent.on('response', resolve)
    sent.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve(response)
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return text
}

function codeIn(body: string): number | undefined {
  return body.startsWith('{') ? (JSON.parse(body) as { code?: number }).code : undefined
}
