import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ProtocolError } from '@tidewire/protocol'
import type { Actor } from '../core/ports/actor.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { Connection } from '../core/ports/connection.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { Service, SessionHandle } from '../core/ports/service.ts'
import { tokenOf } from './bearer.ts'
import { toProtocolError } from './http-errors.ts'
import type { Turnstile } from './turnstile.ts'

/** What the transports of streams share. */
export interface StreamOptions {
  service: Service
  turnstile: Turnstile
  observer: Observer
  clock: Clock
}

export interface StreamConnection extends Connection {
  /** Asks the session for what the request named. */
  start(session: SessionHandle): void
  /** The response was closed, by whomever. */
  gone(): void
}

/** A request whose answer is a session. */
export interface StreamOpening {
  request: IncomingMessage
  response: ServerResponse
  address: string
  transport: 'sse' | 'poll'
  /** What the session is told when the response was closed. */
  closeCode: number
  /** Reads the request before it waits. Throws `ProtocolError`. */
  prepare: (target: string) => Prepared
  /** Answers what was not answered yet with an error. */
  refuse: (error: ProtocolError) => void
}

interface Prepared {
  query: URLSearchParams
  connect: (actor: Actor) => StreamConnection
}

/** Lets a client in and opens its session, which ends with the response. Never rejects. */
export async function openStream(
  { service, turnstile, observer }: StreamOptions,
  { request, response, address, transport, closeCode, prepare, refuse }: StreamOpening,
): Promise<void> {
  try {
    const from = { address, transport }
    service.admit(address, 'connection')
    const { query, connect } = prepare(request.url ?? '')
    const token = tokenOf(request.headers.authorization, query)
    if (!(await turnstile.enter(response, from))) return
    const { turn } = turnstile
    const actor = await service.authenticate(token, address)
    if (response.destroyed) return
    if (turn !== turnstile.turn && !(await turnstile.goOn(response, from))) return
    const connection = connect(actor)
    const session = service.open(connection, actor)
    response.on('close', () => {
      connection.gone()
      session.closed(closeCode)
    })
    connection.start(session)
  } catch (error) {
    refuse(toProtocolError(error, observer, transport))
  }
}
