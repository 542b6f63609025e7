import { log } from './0001-log.ts'

/** In order; `PRAGMA user_version` counts those that a database has. Published ones never change. */
export const MIGRATIONS: readonly string[] = [log]
