import type { ProtocolError } from '@tidewire/protocol'

/** What goes wrong on purpose. To add a fault: a field here, its default below, and a look at it in the server. */
export interface Faults {
  /** Refuse upgrades as a proxy would: `status`, or never an answer. */
  upgrade: 'ok' | 'refused' | 'ignored'
  /** Event streams: accepted, refused, or held back by a buffering proxy. */
  sse: 'ok' | 'refused' | 'held'
  /** Whether the answer to a publish is lost on its way. The publication is in the log. */
  loseAck: () => boolean
  /** Whether a live delivery is lost on its way. */
  loseDelivery: () => boolean
  /** Read everything and answer nothing, as a half-open peer does. */
  silent: boolean
  /** Refuse every request with this. An upgrade is refused as browsers see it: without a reason. */
  turnedAway: ProtocolError | undefined
  /** Refuse the next reads of a history with these. */
  refusedReads: ProtocolError[]
  /** Refuse publications with this. */
  refusePublish: ProtocolError | undefined
  /** Refuse to subscribe to these. Over HTTP one of them refuses the whole request. */
  refusedChannels: Map<string, ProtocolError>
  /** Tokens that are refused. */
  refusedTokens: Set<string>
}

export function noFaults(): Faults {
  return {
    upgrade: 'ok',
    sse: 'ok',
    loseAck: () => false,
    loseDelivery: () => false,
    silent: false,
    turnedAway: undefined,
    refusedReads: [],
    refusePublish: undefined,
    refusedChannels: new Map(),
    refusedTokens: new Set(),
  }
}
