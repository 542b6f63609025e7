import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ServerSentEvent, sseParser } from './sse-parser.ts'

function parse(...pieces: string[]): ServerSentEvent[] {
  const events: ServerSentEvent[] = []
  const push = sseParser((event) => events.push(event))
  for (const piece of pieces) push(piece)
  return events
}

describe('the parser of event streams', () => {
  it('reads type, id and data', () => {
    expect(parse('event: message\nid: 7\ndata: {"a":1}\n\n')).toEqual([
      { type: 'message', id: '7', data: '{"a":1}' },
    ])
  })

  it('joins data lines, keeps the id, and calls an event without a name `message`', () => {
    expect(parse('id: 1\ndata: a\ndata: b\n\ndata:c\n\n')).toEqual([
      { type: 'message', id: '1', data: 'a\nb' },
      { type: 'message', id: '1', data: 'c' },
    ])
  })

  it('takes only one space after the colon, and fields without a colon', () => {
    expect(parse('data:  two\ndata\n\n')).toEqual([{ type: 'message', id: '', data: ' two\n' }])
  })

  it('leaves out comments, unknown fields, events without data and what is not finished', () => {
    expect(parse(': hi\nretry: 10\nfoo: bar\nevent: x\n\ndata: unfinished\n')).toEqual([])
  })

  it('leaves out a byte order mark, and an id with a NUL', () => {
    expect(parse('\uFEFFid: a\0b\ndata: x\n\n')).toEqual([{ type: 'message', id: '', data: 'x' }])
  })

  it('waits for the second half of a CR LF', () => {
    expect(parse('data: a\r', '\n\r', '\ndata: b\r\n\r\n')).toHaveLength(2)
  })

  // Whatever the text, the line ends and the cuts.
  const lineEnd = fc.constantFrom('\n', '\r', '\r\n')
  const field = fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/[\r\n\0]/g, ''))
  const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/[\r\n]/g, ''))
  const event = fc.record({
    type: field.filter((type) => type !== ''),
    id: field,
    lines: fc.array(line, { minLength: 1, maxLength: 4 }),
  })

  it('gives back what was written, with any line ends and cut anywhere', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 5 }),
        fc.infiniteStream(lineEnd),
        fc.array(fc.nat({ max: 40 })),
        (events, ends, cuts) => {
          const end = (): string => ends.next().value
          let stream = ''
          for (const { type, id, lines } of events) {
            stream += `event: ${type}${end()}id: ${id}${end()}`
            for (const text of lines) stream += `data: ${text}${end()}`
            stream += `: comment${end()}`
            // A lone CR would make one line end with an LF that follows.
            stream += stream.endsWith('\r') ? '\r\n' : end()
          }
          // What follows decides whether a CR at the very end is half of a CR LF.
          stream += ':'
          const pieces: string[] = []
          for (const cut of cuts) {
            pieces.push(stream.slice(0, cut))
            stream = stream.slice(cut)
          }
          expect(parse(...pieces, stream)).toEqual(
            events.map(({ type, id, lines }) => ({ type, id, data: lines.join('\n') })),
          )
        },
      ),
      { numRuns: 5000 },
    )
  })
})
