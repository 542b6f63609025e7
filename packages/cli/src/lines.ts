import { StringDecoder } from 'node:string_decoder'
import { CliError } from './errors.ts'

const MAX_LENGTH = 16 * 1024 * 1024

/**
 * The lines of a stream, ended by LF or CR LF and by nothing else: `readline` would also split at U+2028, which JSON
 * may hold. Throws `CliError` for a line of more than 16 M characters.
 */
export async function* readLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of input) {
    const lines = (rest + decoder.write(Buffer.from(chunk))).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LENGTH) throw new CliError('A line is longer than 16 M characters.')
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line
  }
  rest += decoder.end()
  if (rest !== '') yield rest
}
