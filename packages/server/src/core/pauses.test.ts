import { expect, it } from 'vitest'
import { FakeConnection } from '../testing/fake-connection.ts'
import { Pauses } from './pauses.ts'

it('reads again when no reason is left, however often each was given', () => {
  const connection = new FakeConnection()
  const pauses = new Pauses(connection)
  pauses.add('work')
  pauses.add('work')
  pauses.add('strike')
  pauses.delete('work')
  expect(connection.paused).toBe(true)
  pauses.delete('work')
  pauses.delete('intake')
  expect(connection.paused).toBe(true)
  pauses.delete('strike')
  expect(connection.paused).toBe(false)
})

it('does not touch a connection that nothing stops', () => {
  const connection = new FakeConnection()
  connection.paused = true
  new Pauses(connection).delete('work')
  expect(connection.paused).toBe(true)
})
