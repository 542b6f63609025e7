export interface ServerSentEvent {
  /** `message` when the stream names none. */
  type: string
  data: string
  /** The last `id` of the stream so far. */
  id: string
}

/**
 * Parses an event stream (WHATWG HTML §9.2.6) that comes in pieces cut anywhere, also between CR and LF. Returns the
 * function that takes the pieces. `retry` is left out: when to come back is decided elsewhere.
 */
export function sseParser(onEvent: (event: ServerSentEvent) => void): (piece: string) => void {
  let rest = ''
  let started = false
  let data: string[] = []
  let type = ''
  let id = ''

  const line = (text: string): void => {
    if (text === '') {
      if (data.length > 0) onEvent({ type: type || 'message', data: data.join('\n'), id })
      data = []
      type = ''
      return
    }
    const colon = text.indexOf(':')
    const field = colon < 0 ? text : text.slice(0, colon)
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data.push(value)
    else if (field === 'event') type = value
    else if (field === 'id' && !value.includes('\0')) id = value
  }

  return (piece) => {
    const text = started ? rest + piece : (rest + piece).replace(/^\uFEFF/, '')
    started ||= text !== ''
    let from = 0
    for (const end of text.matchAll(/\r\n|\r|\n/g)) {
      // A CR at the very end may be half of a CR LF: it waits for the next piece.
      if (end[0] === '\r' && end.index === text.length - 1) break
      line(text.slice(from, end.index))
      from = end.index + end[0].length
    }
    rest = text.slice(from)
  }
}
