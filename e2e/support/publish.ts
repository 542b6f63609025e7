import type { JsonObject } from '@tidewire/client'
import type { ServerProcess } from './server-process.ts'

/** What a user publishes over HTTP, without a page. Returns the id. */
export type Publish = (channel: string, type: string, payload: JsonObject) => Promise<string>

export async function publisher(server: ServerProcess, user: string): Promise<Publish> {
  const token = await server.token(user)
  return async (channel, type, payload) => {
    const url = `${server.url}/v1/channels/${encodeURIComponent(channel)}/publications`
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type, payload }),
    })
    if (!response.ok) throw new Error(`${user} could not publish: ${await response.text()}`)
    const { message_id: id } = (await response.json()) as { message_id: string }
    return id
  }
}
