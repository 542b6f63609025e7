import { expect, it } from 'vitest'
import { isQuietAt, placeOfZone } from './quiet.ts'

it.each([
  ['over midnight, before it', '22:00', '07:00', 'UTC', '22:00', true],
  ['over midnight, after it', '22:00', '07:00', 'UTC', '06:59', true],
  ['over midnight, by day', '22:00', '07:00', 'UTC', '07:00', false],
  ['within a day, inside', '12:00', '13:00', 'UTC', '12:30', true],
  ['within a day, outside', '12:00', '13:00', 'UTC', '13:00', false],
  ['elsewhere', '22:00', '07:00', 'Asia/Tokyo', '14:00', true],
])('%s', (_, from, to, time_zone, at, quiet) => {
  expect(isQuietAt({ from, to, time_zone }, Date.parse(`2026-11-20T${at}:00Z`))).toBe(quiet)
})

it('a zone goes by its place', () => {
  expect(placeOfZone('America/Argentina/Buenos_Aires')).toBe('Buenos Aires')
  expect(placeOfZone('UTC')).toBe('UTC')
})
