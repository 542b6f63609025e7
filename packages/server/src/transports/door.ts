import type { IncomingMessage } from 'node:http'

/** Who stands before the door. */
export interface Visitor {
  /** IP address, in its shortest form; that of the client also where a known proxy speaks for it. */
  address: string
}

/** Looks at every request and every upgrade before anything else does. */
export class Door {
  check({ socket }: IncomingMessage): Visitor {
    return { address: socket.remoteAddress ?? '' }
  }
}
