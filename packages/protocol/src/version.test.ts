import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { JSON_SUBPROTOCOL } from './codecs/json.ts'
import { ERRORS } from './errors.ts'
import { RESERVED } from './reserved.ts'
import { down, up } from './schemas/index.ts'
import { OLDEST_SERVED, PROTOCOL_VERSION } from './version.ts'

/** The hash of the wire as PROTOCOL_VERSION stands for it. */
const WIRE = '44b3982b016293b6'

it(`the wire is still that of version ${PROTOCOL_VERSION}`, () => {
  const proto = readFileSync(new URL('../tidewire.proto', import.meta.url), 'utf8')
  const wire = {
    up: jsonSchemas(up),
    down: jsonSchemas(down),
    errors: ERRORS,
    reserved: [...RESERVED].toSorted(),
    // Comments may change.
    proto: proto.replace(/\/\/.*$/gm, '').replace(/\s+/g, ' '),
  }
  const hash = createHash('sha256').update(JSON.stringify(wire)).digest('hex').slice(0, 16)
  const verdict =
    hash === WIRE
      ? 'unchanged'
      : 'The wire has changed: a schema, an error code, a reserved type or tidewire.proto. Decide whether a peer of ' +
        'the version before would misread a frame. If so, raise PROTOCOL_VERSION in version.ts and add its line of ' +
        `history. Either way say it in PROTOCOL.md, then set WIRE in version.test.ts to '${hash}'.`
  expect(verdict).toBe('unchanged')
})

it('the subprotocols carry the version', () => {
  expect(JSON_SUBPROTOCOL).toBe(`tidewire.v${PROTOCOL_VERSION}.json`)
  expect(OLDEST_SERVED).toBeLessThanOrEqual(PROTOCOL_VERSION)
})

function jsonSchemas(schemas: Record<string, z.ZodType>): Record<string, unknown> {
  const entries = Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    entries.map(([type, schema]) => [type, z.toJSONSchema(schema, { unrepresentable: 'any' })]),
  )
}
