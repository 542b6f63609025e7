/** Why a request got no reply, in words that name no address. */
export class Failure extends Error {
  override readonly name = 'Failure'
  /** The connection was one of those kept, and ended before a reply began. */
  readonly stale: boolean

  constructor(why: string, { stale = false }: { stale?: boolean } = {}) {
    super(why)
    this.stale = stale
  }
}

export function notAllowed(): Failure {
  return new Failure('it is at an address that must not be asked: see `allow_private`')
}
