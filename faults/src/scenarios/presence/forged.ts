import { TidewireError } from '@tidewire/client'
import type { JsonObject } from '@tidewire/protocol'
import type { Hall } from './hall.ts'

/** Nobody speaks for another, nor where it is not: refused with the code, or without any effect. */
export async function forged(hall: Hall): Promise<string[]> {
  const { observers, channels, steady } = hall
  const [observer] = observers
  const [victim] = steady
  const [channel] = channels
  if (observer === undefined || victim === undefined || channel === undefined) return []
  const before = linesOf(observer.tableOf(channel))
  const attempts: [type: string, payload: JsonObject, code: number | undefined][] = [
    ['presence_leave', { channel, user: victim.user }, 4009],
    ['presence_enter', { channel, user: victim.user, data: {} }, 4009],
    ['presence_update', { channel, action: 'leave', user: victim.user, data: {} }, 4009],
    ['presence_update', { channel, data: { word: 'forged' } }, 4013],
    ['presence_enter', { channel: 'chat:elsewhere', data: {} }, 4013],
    // Leaving where one is not is no error, and changes nothing.
    ['presence_leave', { channel }, undefined],
  ]
  const wrong: string[] = []
  for (const [type, payload, code] of attempts) {
    const answer = await observer.client.request(type, payload).then(
      () => undefined,
      (error: unknown) => (error instanceof TidewireError ? error.code : String(error)),
    )
    if (answer !== code) wrong.push(`A forged ${type} was answered ${answer ?? 'with an ack'}.`)
  }
  const after = linesOf(observer.tableOf(channel))
  if (after !== before) wrong.push('A forged word changed who is there.')
  return wrong
}

function linesOf(table: ReadonlyMap<string, string>): string {
  const lines = [...table].map(([user, word]) => `${user} ${word}`)
  return lines.sort().join('\n')
}
