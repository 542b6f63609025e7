import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../testing/command.ts'

interface Line {
  type: string
  payload: { content?: string; epoch?: string; reason?: string }
  metadata: { offset: number; epoch: string; channel: string }
}

const { directory, run, serve, start } = commands()

function parsed(stdout: string): Line[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

function contents(stdout: string): (string | undefined)[] {
  return parsed(stdout).map(({ payload }) => payload.content)
}

describe('publish and subscribe', async () => {
  const data = join(directory(), 'data')
  const { url } = await serve(data)
  const to = ['--url', url, '--data', data]
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${i} ☃ "quoted"`)

  test('a text arrives as content, a JSON object as it is', async () => {
    expect((await run(['publish', 'chat:one', 'hello', ...to])).code).toBe(0)
    const object = '{"content":"object","more":[1]}'
    const sent = await run(['publish', 'chat:one', object, '--type', 'note', ...to])
    expect(sent).toMatchObject({ code: 0, stdout: '' })
    expect(sent.stderr).toMatch(/^1 of 1 published to chat:one, up to \S+:2\n$/)
    const { code, stdout } = await run(['subscribe', 'chat:one', '--last', '2', '-n', '2', ...to])
    expect(code).toBe(0)
    expect(parsed(stdout)).toMatchObject([
      { type: 'message', payload: { content: 'hello' }, metadata: { offset: 1 } },
      { type: 'note', payload: { content: 'object', more: [1] }, metadata: { offset: 2 } },
    ])
  })

  test('lines of stdin arrive in order, on every transport, and the rest after any position', async () => {
    const readers = ['websocket', 'sse', 'poll'].map((transport) =>
      start(['subscribe', 'chat:lines', '-n', '1000', '--transport', transport, ...to]),
    )
    await Promise.all(readers.map((reader) => reader.until(/Subscribed to chat:lines/)))
    const input = `${lines.join('\r\n')}\n`
    const sent = await run(['publish', 'chat:lines', ...to], { input })
    expect(sent.code).toBe(0)
    expect(sent.stderr).toContain('1000 of 1000 published to chat:lines')
    expect(await Promise.all(readers.map((reader) => reader.exit))).toEqual([0, 0, 0])
    const [first, ...others] = readers.map(({ stdout }) => stdout)
    expect(contents(first ?? '')).toEqual(lines)
    expect(others.map((other) => other === first)).toEqual([true, true])

    const { metadata } = parsed(first ?? '')[899] ?? { metadata: undefined }
    const since = `${metadata?.epoch}:${metadata?.offset}`
    const rest = await run(['subscribe', 'chat:lines', '--since', since, '-n', '100', ...to])
    expect(contents(rest.stdout)).toEqual(lines.slice(900))
  })

  test('a position that is gone is told as a reset', async () => {
    const reader = start(['subscribe', 'chat:lines', '--since', 'another-epoch:5', ...to])
    await reader.until(/"type":"reset".*\n/)
    expect(parsed(reader.stdout)[0]).toMatchObject({
      type: 'reset',
      payload: { channel: 'chat:lines', reason: 'epoch_changed' },
    })
    expect(await reader.kill('SIGINT')).toBe(0)
  })

  test('the reader of stdout may leave', async () => {
    const reader = start(['subscribe', 'chat:lines', '--last', '500', ...to])
    reader.process.stdout?.destroy()
    expect(await reader.exit).toBe(0)
  })

  test('lines of JSON are published as they are, up to one that is none', async () => {
    const input = '{"content":"a"}\n\n{"content":"b"}\n[1]\n{"content":"c"}\n'
    const { code, stderr } = await run(['publish', 'chat:json', '--json', ...to], { input })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^2 of 2 published .*\nLine 4 is not a JSON object\.\n$/)
    const read = await run(['subscribe', 'chat:json', '--last', '9', '-n', '2', ...to])
    expect(contents(read.stdout)).toEqual(['a', 'b'])
  })

  test('a line that the server refuses is named', async () => {
    const input = `short\n${'x'.repeat(100_000)}\n`
    const { code, stderr } = await run(['publish', 'chat:large', ...to], { input })
    expect(code).toBe(1)
    expect(stderr).toMatch(/1 of 2 published to chat:large.*\nLine 2: [^\n]+\n$/s)
  })

  test('a line that no server takes is named', async () => {
    const deep = `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`
    const input = `{"content":"a"}\n${deep}\n`
    const { code, stderr } = await run(['publish', 'chat:deep', '--json', ...to], { input })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^1 of 2 published .*\nLine 2: The message has more than [^\n]+\n$/)
  })

  test('a token that ends is told by one sentence', async () => {
    // Time enough for a command to start and to connect.
    const token = (await run(['token', 'ada', '--ttl', '8s', '--data', data])).stdout.trim()
    const reader = await run(['subscribe', 'chat:ends', '--token', token, ...to])
    expect(reader.code).toBe(1)
    expect(reader.stderr).toMatch(/^Subscribed to [^\n]+\nThe token expired\.[^\n]*\n$/)
  })

  test.each([
    ['publish', ['publish', 'nope:x', 'hello'], /There is no namespace `nope`/],
    ['subscribe', ['subscribe', 'nope:x'], /^nope:x: There is no namespace `nope`/m],
    ['publish', ['publish', 'nope', 'hello'], /not a channel name/],
    ['subscribe', ['subscribe', 'chat:x', '--token', 'forged'], /refuses: The token is not valid/],
    [
      'subscribe',
      ['subscribe', 'chat:x', '--token', 'tw_dev_0123456789abcdef'],
      /not know the key/,
    ],
  ])('%s ends with a sentence when it is refused: %j', async (_, args, pattern) => {
    const { code, stdout, stderr } = await run([...args, ...to])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(pattern)
    expect(stderr).not.toContain('    at ')
  })

  test.each([
    [['subscribe']],
    [['subscribe', 'chat:a', '--since', 'nonsense']],
    [['subscribe', 'chat:a', '--since', 'e:1', '--last', '1']],
    [['subscribe', 'chat:a', 'chat:b', '--since', 'e:1']],
    [['subscribe', 'chat:a', '--last', '0']],
    [['subscribe', 'chat:a', '--transport', 'pigeon']],
    [['publish', 'chat:a', 'text', '--json']],
    [['publish', 'chat:a', 'text', '--timeout', '5']],
  ])('%j is a mistake in the call: exit code 2', async (args) => {
    expect((await run([...args, ...to])).code).toBe(2)
  })

  test('a token or key can come from the environment, as the address can', async () => {
    const key = readFileSync(join(data, 'dev-server-key'), 'utf8').trim()
    for (const name of ['TIDEWIRE_TOKEN', 'TIDEWIRE_API_KEY']) {
      const env = { TIDEWIRE_URL: url, [name]: key }
      expect((await run(['publish', 'chat:env', name], { env })).code).toBe(0)
    }
  })

  test('without any credential a local dev server is asked for a token', async () => {
    const elsewhere = ['--url', url, '--data', 'elsewhere']
    expect((await run(['publish', 'chat:guest', 'hello', ...elsewhere])).code).toBe(0)
    const read = await run(['subscribe', 'chat:guest', '--last', '1', '-n', '1', ...elsewhere])
    expect(parsed(read.stdout)).toMatchObject([{ metadata: { user: /./ } }])
  })
})

test('a server that is killed in mid-publish loses nothing, and repeats nothing', async () => {
  const data = join(directory(), 'data')
  const lines = Array.from({ length: 6000 }, (_, i) => `line ${i}`)
  const first = await serve(data)
  const to = ['--url', first.url, '--data', data]
  const reader = start(['subscribe', 'chat:log', '-n', '6000', ...to])
  await reader.until(/Subscribed/)
  const publisher = start(['publish', 'chat:log', ...to], { input: lines.join('\n') })
  await reader.until(/"offset":500,/)
  await first.command.kill('SIGKILL')
  await serve(data, first.port)
  expect(await publisher.exit).toBe(0)
  expect(await reader.exit).toBe(0)
  expect(contents(reader.stdout)).toEqual(lines)
  expect(reader.stderr).toMatch(/The connection is lost .*\nConnected again\.\n$/)
})
