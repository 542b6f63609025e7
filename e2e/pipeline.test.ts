import { afterEach, beforeEach, expect, it } from 'vitest'
import { Cli } from './support/cli.ts'
import { ServerProcess } from './support/server-process.ts'
import { until } from './support/until.ts'

const LINES = 3000

let server: ServerProcess
let ended: AbortController
let commands: Cli[]

beforeEach(async () => {
  ended = new AbortController()
  commands = []
  server = await ServerProcess.start()
})

afterEach(async () => {
  ended.abort()
  await Promise.all(commands.map((command) => command.stop()))
  await server.remove()
})

function tidewire(...args: string[]): Cli {
  const command = new Cli([...args, '--url', server.url, '--data', server.data])
  commands.push(command)
  return command
}

const logLine = (i: number): string =>
  `2026-11-20T12:00:${i % 60} host app[${i}]: "line" {${i}} ünï`
const contentOf = (envelope: string): string =>
  (JSON.parse(envelope) as { payload: { content: string } }).payload.content

/** Waits a moment for the next attempt; throws what is no connection that was refused or cut. */
async function afterCut(error: unknown): Promise<void> {
  if (ended.signal.aborted) return
  // As `fetch` says it.
  const isCut = error instanceof TypeError && /^(fetch failed|terminated)$/.test(error.message)
  if (!isCut) throw error
  await new Promise((resolve) => setTimeout(resolve, 50))
}

/** What `curl -N` with a loop around it does: a stream that is opened again from its last id. */
async function readSse(token: string, into: string[]): Promise<void> {
  let lastId: string | undefined
  const headers = { authorization: `Bearer ${token}` }
  while (!ended.signal.aborted) {
    try {
      const response = await fetch(`${server.url}/v1/sse?channel=chat:log`, {
        headers: lastId === undefined ? headers : { ...headers, 'last-event-id': lastId },
        signal: ended.signal,
      })
      expect(response.status).toBe(200)
      let text = ''
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        const events = text.split('\n\n')
        text = events.pop()!
        for (const event of events) {
          const fields = new Map(event.split('\n').map((line) => [line.split(':', 1)[0], line]))
          lastId = fields.get('id')?.slice(4) ?? lastId
          if (fields.get('event') === 'event: message')
            into.push(contentOf(fields.get('data')!.slice(6)))
        }
      }
    } catch (error) {
      await afterCut(error)
    }
  }
}

async function readPoll(token: string, into: string[]): Promise<void> {
  let cursor: string | undefined
  while (!ended.signal.aborted) {
    try {
      const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const response = await fetch(`${server.url}/v1/poll?channel=chat:log${query}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: ended.signal,
      })
      if (response.status === 204) continue
      expect(response.status).toBe(200)
      const page = (await response.json()) as {
        cursor: string
        publications: object[]
        resets: object[]
      }
      expect(page.resets).toEqual([])
      cursor = page.cursor
      into.push(...page.publications.map((publication) => contentOf(JSON.stringify(publication))))
    } catch (error) {
      await afterCut(error)
    }
  }
}

it('a log file goes through `tidewire publish` to readers on three transports, a kill -9 in its middle', async () => {
  const token = await server.token('reader')
  const expected = Array.from({ length: LINES }, (_, i) => logLine(i))
  const [sse, poll]: [string[], string[]] = [[], []]
  const webSocket = tidewire('subscribe', 'chat:log')
  await until(() => webSocket.errors.includes('Subscribed'))
  const reading = Promise.all([readSse(token, sse), readPoll(token, poll)])
  /** What a reader fails with ends the wait. */
  const arrived = (condition: () => boolean, explain?: () => string): Promise<unknown> =>
    Promise.race([until(condition, explain), reading])

  const first = tidewire('publish', 'chat:log')
  first.child.stdin!.end(`${expected[0]}\n`)
  expect(await first.exit).toBe(0)
  await arrived(
    () => webSocket.lines.length === 1 && sse.length === 1 && poll.length === 1,
    () => JSON.stringify([webSocket.lines.length, sse.length, poll.length]),
  )

  const rest = tidewire('publish', 'chat:log')
  rest.child.stdin!.end(`${expected.slice(1).join('\n')}\n`)
  await arrived(() => webSocket.lines.length > LINES / 3)
  await server.kill()
  await server.start()
  expect(await rest.exit, rest.errors).toBe(0)

  await arrived(
    () => [webSocket.lines, sse, poll].every(({ length }) => length >= LINES),
    () => JSON.stringify([webSocket.lines.length, sse.length, poll.length]),
  )
  expect(webSocket.lines.map(contentOf)).toEqual(expected)
  expect(sse).toEqual(expected)
  expect(poll).toEqual(expected)

  const { metadata } = JSON.parse(webSocket.lines[999]!) as {
    metadata: { epoch: string; offset: number }
  }
  expect(metadata.offset).toBe(1000)
  const late = tidewire('subscribe', 'chat:log', '--since', `${metadata.epoch}:${metadata.offset}`)
  await until(() => late.lines.length >= LINES - 1000)
  expect(late.lines.map(contentOf)).toEqual(expected.slice(1000))

  ended.abort()
  await reading
})
