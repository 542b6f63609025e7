import type { Chance } from '../chance.ts'
import type { Filter } from './toxics.ts'
import { copyMessages } from './websocket-filter.ts'

/**
 * Lets requests through and loses answers, each with the given probability: over WebSocket the `ack` messages; over
 * HTTP the response, and with it everything that the connection would bring after it.
 */
export function dropAnswers(chance: Chance, probability: number): Filter {
  let filter: Filter | undefined
  return (bytes) => {
    filter ??= bytes.toString('latin1', 0, 12).endsWith(' 101')
      ? copyMessages((text) => (isAck(text) && chance.happens(probability) ? 0 : 1))
      : dropResponses(chance, probability)
    return filter(bytes)
  }
}

function dropResponses(chance: Chance, probability: number): Filter {
  let deaf = false
  return (bytes) => {
    deaf ||= chance.happens(probability)
    return deaf ? Buffer.alloc(0) : bytes
  }
}

function isAck(text: string): boolean {
  return text.includes('"type":"ack"')
}
