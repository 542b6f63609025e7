/** What HTTP itself costs: parses the JSON of a publish and answers, and does nothing else. `node node-http.ts <port>` */
import { createServer } from 'node:http'

interface Publish {
  channels?: string[]
  payload: object
}

let offset = 0

function receipt(): object {
  return { epoch: 'none', offset: ++offset, message_id: String(offset), duplicate: false }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString()
    const { channels } = text === '' ? {} : (JSON.parse(text) as Publish)
    const answer =
      channels === undefined
        ? receipt()
        : { results: channels.map((channel) => ({ channel, ...receipt() })) }
    const body = Buffer.from(JSON.stringify(answer))
    response.writeHead(201, {
      'content-type': 'application/json',
      'content-length': body.byteLength,
    })
    response.end(body)
  })
})

server.listen(Number(process.argv[2]), '127.0.0.1')
