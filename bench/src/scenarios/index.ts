import type { Scenario } from '../scenario.ts'
import { compression } from './compression.ts'
import { people } from './people-features.ts'
import { s1 } from './s1-one-in-flight.ts'
import { s2 } from './s2-saturated.ts'
import { s3 } from './s3-ladder.ts'
import { s4 } from './s4-many-channels.ts'
import { s5 } from './s5-idle-fleet.ts'
import { s6 } from './s6-connect-storm.ts'
import { s6DropAll } from './s6-drop-all.ts'
import { s7 } from './s7-ingest.ts'
import { s8 } from './s8-durable.ts'
import { s9 } from './s9-slow-consumers.ts'
import { sse } from './sse.ts'

/** In the order of the report. */
export const scenarios: readonly Scenario[] = [
  s1,
  s2,
  s3,
  s4,
  s5,
  s6,
  s6DropAll,
  s7,
  s8,
  s9,
  sse,
  compression,
  people,
]
