import { isEventName } from '@tidewire/protocol'
import { z } from 'zod'
import { key, section, whole } from './keys.ts'

const RATE_ERROR = 'must be a number from 0.01 to 1000000'

/** As many at once as `burst`, and `per_second` in the long run. */
const rate = (burst: number, perSecond: number, doc: string) =>
  section({
    burst: key(whole(1, 1e9).default(burst), `${doc}: at once.`),
    per_second: key(
      z
        .number({ error: RATE_ERROR })
        .min(0.01, { error: RATE_ERROR })
        .max(1e6, { error: RATE_ERROR })
        .default(perSecond),
      `${doc}: a second, in the long run.`,
    ),
  }).prefault({})

const eventRate = section({ burst: whole(1, 1e9), per_second: z.number().min(0.01).max(1e6) })

/** Everything that bounds what one connection, user or address may cost. */
export const limitsSection = section({
  max_frame_bytes: key(whole(256, 16 * 2 ** 20).default(64 * 1024), 'Bytes of one frame.'),
  max_depth: key(whole(1, 512).default(64), 'Objects and lists inside each other in a frame.'),
  max_keys: key(whole(1, 1e6).default(1000), 'Object keys in a frame.'),
  max_channels: key(whole(1, 1e5).default(128), 'Channels a connection may subscribe to.'),
  max_outbox_bytes: key(
    whole(1024, 2 ** 30).default(2 ** 20),
    'Bytes that may wait for a slow reader before it is sent away.',
  ),
  max_in_flight: key(whole(1, 1e6).default(1024), 'Unanswered publishes of a connection.'),
  max_connections: key(whole(1, 1e7).default(20_000), 'Connections of this server.'),
  max_connections_per_user: key(
    whole(1, 1e7).default(20),
    'Connections of one user; one more ends the oldest.',
  ),
  max_connections_per_address: key(whole(1, 1e7).default(10_000), 'Connections from one address.'),
  max_waiting: key(
    whole(0, 1e6).default(5_000),
    'Connections that may wait to be let in when many come at once.',
  ),
  connection: section({
    publishes: rate(1_000, 200, 'Publishes of a connection'),
    commands: rate(1_000, 200, 'Other frames of a connection'),
    history: rate(20_000, 2_000, 'Publications that a connection may read back'),
  }).prefault({}),
  user: section({
    publishes: rate(4_000, 800, 'Publishes of a user, over all connections and HTTP'),
    commands: rate(
      4_000,
      400,
      'Other frames and requests of a user, over all connections and HTTP; a search counts as 20',
    ),
    history: rate(50_000, 5_000, 'Publications that a user may read back'),
  }).prefault({}),
  address: section({
    connects: rate(10_000, 500, 'Connections and requests for streams from an address'),
    requests: rate(10_000, 1_000, 'HTTP requests from an address, but for those with a server key'),
    publishes: rate(20_000, 4_000, 'Publishes from an address, but for those with a server key'),
    failures: rate(100, 10, 'Refused tokens and keys from an address'),
  }).prefault({}),
  events: key(
    z
      .record(z.string().refine(isEventName, { error: 'must be the name of an event' }), eventRate)
      .default({}),
    'Publishes of one type by a connection, by type: `{ typing: { burst: 5, per_second: 1 } }`.',
  ),
})
