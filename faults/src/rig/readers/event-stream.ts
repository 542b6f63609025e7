export interface StreamEvent {
  type: string
  /** Of this event itself, not of one before. */
  id: string | undefined
  data: string
}

/**
 * The events of a response body (WHATWG HTML §9.2.6, as far as our server uses it). Independent of the parser in the
 * client package, which is one of the things that are tested.
 */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true })
    const blocks = rest.split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      const event = parseBlock(block)
      if (event !== undefined) yield event
    }
  }
}

function parseBlock(block: string): StreamEvent | undefined {
  let [type, id]: [string, string | undefined] = ['message', undefined]
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const field = line.slice(0, colon)
    const value = line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data.push(value)
    else if (field === 'event') type = value
    else if (field === 'id') id = value
  }
  return data.length === 0 ? undefined : { type, id, data: data.join('\n') }
}
