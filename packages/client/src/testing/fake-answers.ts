import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JsonObject, Position } from '@tidewire/protocol'
import type { Start, Started } from './fake-logs.ts'

export function json(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

export function isHole({ since }: Start, { recovered }: Started['subscribed']): boolean {
  return since !== undefined && !recovered
}

export function resetOf({ channel, epoch, offset, reason }: Started['subscribed']): JsonObject {
  return { channel, offset, reason: reason ?? null, ...(epoch === undefined ? {} : { epoch }) }
}

export function positionAfter({ subscribed, missed }: Started): [string, Position][] {
  const { channel, epoch, offset } = subscribed
  if (typeof epoch !== 'string') return []
  return [[channel, { epoch, offset: missed.at(-1)?.metadata.offset ?? offset }]]
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}
