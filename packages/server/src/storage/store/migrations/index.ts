import type { Migration } from 'kysely/migration'
import { trust } from './0001-trust.ts'
import { memberships } from './0002-memberships.ts'

/** By name, whose order is the order that they run in. Published ones never change. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-trust': trust,
  '0002-memberships': memberships,
}
