import { log } from './0001-log.ts'
import { replace } from './0002-replace.ts'
import { places } from './0003-places.ts'

/** In order; `PRAGMA user_version` counts those that a database has. Published ones never change. */
export const MIGRATIONS: readonly string[] = [log, replace, places]
