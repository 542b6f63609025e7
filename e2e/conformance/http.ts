import { expect } from 'vitest'
import { check, type Run, type Tokens } from './run.ts'
import type { HttpAnswer, HttpVector } from './vectors/protocol-http.ts'
import type { Block } from './vectors/protocol-sse.ts'
import { errorBody } from './vocabulary.ts'

/** What a vector sends besides method and target. */
export function initOf(
  method = 'GET',
  { as = 'ada', headers, body, chunked }: HttpVector,
  run: Run,
  tokens: Tokens,
): RequestInit {
  const init: RequestInit & { duplex?: 'half' } = {
    method,
    headers: {
      ...(as === 'nobody' ? {} : { authorization: `Bearer ${tokens[as]}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  }
  if (body === undefined) return init
  const text = run.fill(typeof body === 'string' ? body : JSON.stringify(body))
  if (chunked !== true) return { ...init, body: text }
  return { ...init, body: new Blob([text]).stream(), duplex: 'half' } as RequestInit
}

/** The answer is what the vector says; the status was looked at. */
export async function checkAnswer(
  response: Response,
  { code, body, headers = {} }: HttpAnswer,
): Promise<void> {
  const text = await response.text()
  for (const [name, value] of Object.entries(headers)) {
    expect(response.headers.get(name) ?? undefined, name).toEqual(value)
  }
  if (code === undefined && body === undefined) return
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  const told = JSON.parse(text) as object
  if (code !== undefined) expect(told).toEqual(errorBody(code, told))
  if (body !== undefined) check(told, body)
}

/** What lies between the empty lines of an event stream; comments are left out. */
export function blocksOf(response: Response): { next(): Promise<string>; end(): Promise<void> } {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const next = async (): Promise<string> => {
    while (!text.includes('\n\n')) {
      const { value, done } = await reader.read()
      if (done) throw new Error(`The stream ended after ${JSON.stringify(text)}.`)
      text += value
    }
    const end = text.indexOf('\n\n')
    const block = text.slice(0, end)
    text = text.slice(end + 2)
    return block.startsWith(':') ? next() : block
  }
  return { next, end: () => reader.cancel() }
}

export function checkBlock(text: string, { event, id, data }: Block): void {
  const lines = text.split('\n')
  expect(lines[0]).toBe(`event: ${event}`)
  expect(lines[1]).toMatch(id === undefined ? /^data: / : /^id: /)
  if (id !== undefined) expect(lines[1]).toBe(`id: ${id}`)
  const rest = lines.slice(id === undefined ? 1 : 2)
  expect(rest.every((line) => line.startsWith('data: '))).toBe(true)
  check(JSON.parse(rest.map((line) => line.slice('data: '.length)).join('\n')), data)
}
