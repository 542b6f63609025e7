import type { Actor } from '../core/ports/actor.ts'
import type { Service } from '../core/ports/service.ts'
import { tokenOf } from './bearer.ts'

/** Who sends a request with this `Authorization` from this address; counted, unless it is a backend. */
export async function actorOf(
  service: Service,
  authorization: string | undefined,
  address: string,
): Promise<Actor> {
  const actor = await service.authenticate(tokenOf(authorization), address)
  if (actor.kind !== 'server') service.admit(address, 'request')
  return actor
}
