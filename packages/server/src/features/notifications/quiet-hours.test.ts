import { expect, it } from 'vitest'
import { isTimeZone, QuietClock } from './quiet-hours.ts'

const night = { from: '22:00', to: '07:00' }
const noon = { from: '12:00', to: '13:30' }

it.each([
  ['before the night', night, 'UTC', '2026-11-20T21:59:59Z', false],
  ['its first minute', night, 'UTC', '2026-11-20T22:00:00Z', true],
  ['midnight', night, 'UTC', '2026-11-21T00:00:00Z', true],
  ['its last minute', night, 'UTC', '2026-11-21T06:59:59Z', true],
  ['after it', night, 'UTC', '2026-11-21T07:00:00Z', false],
  ['noon', noon, 'UTC', '2026-11-21T12:00:00Z', true],
  ['the first minute after noon', noon, 'UTC', '2026-11-21T13:30:00Z', false],
  ['winter in Berlin', night, 'Europe/Berlin', '2026-01-15T21:30:00Z', true],
  ['the same hour in summer', night, 'Europe/Berlin', '2026-07-15T19:30:00Z', false],
  ['summer in Berlin', night, 'Europe/Berlin', '2026-07-15T20:30:00Z', true],
  ['half an hour off in Kolkata', night, 'Asia/Kolkata', '2026-11-20T16:30:00Z', true],
  ['half an hour off, before', night, 'Asia/Kolkata', '2026-11-20T16:29:00Z', false],
  // The hour from 2 to 3 is there twice, and once not at all.
  [
    'the hour that comes twice',
    { from: '02:00', to: '03:00' },
    'Europe/Berlin',
    '2026-10-25T01:30:00Z',
    true,
  ],
  [
    'the hour that is left out',
    { from: '02:00', to: '03:00' },
    'Europe/Berlin',
    '2026-03-29T01:30:00Z',
    false,
  ],
])('%s', (_, hours, time_zone, at, quiet) => {
  expect(new QuietClock().isQuiet({ ...hours, time_zone }, Date.parse(at))).toBe(quiet)
})

it.each(['Europe/Berlin', 'UTC', 'America/Argentina/Buenos_Aires'])('%s is a time zone', (name) => {
  expect(isTimeZone(name)).toBe(true)
})

it.each(['', 'Mars/Olympus', '+01:00', '../etc', 'Europe/Berlin\n'])('%j is none', (name) => {
  expect(isTimeZone(name)).toBe(false)
})
