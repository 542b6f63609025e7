import type { JsonObject } from '@tidewire/react'

export const AVAILABILITIES = ['available', 'busy', 'away'] as const
export type Chosen = (typeof AVAILABILITIES)[number]
export type Availability = Chosen | 'offline'

/** What somebody says of themselves. */
export interface OwnStatus {
  readonly availability: Chosen
  readonly note: string
}

export const MAX_NOTE = 80

export const LABELS: Record<Availability, string> = {
  available: 'Available',
  busy: 'Busy',
  away: 'Away',
  offline: 'Offline',
}

/** What a member of the lobby shows; anybody may show anything. */
export function statusOf({ availability, note }: JsonObject): OwnStatus {
  return {
    availability: AVAILABILITIES.find((name) => name === availability) ?? 'available',
    note: typeof note === 'string' ? note.slice(0, MAX_NOTE) : '',
  }
}

export const isOwnStatus = (value: unknown): value is OwnStatus =>
  typeof value === 'object' && value !== null && 'availability' in value && 'note' in value
