// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { lastName, Session } from './session.ts'

describe('who uses a window', () => {
  const opened: Session[] = []
  const open = (query = ''): Session => {
    const session = new Session(new URLSearchParams(query))
    opened.push(session)
    return session
  }
  beforeEach(() => {
    // There is no server here, and none is needed.
    vi.stubGlobal('fetch', () => new Promise(() => undefined))
    localStorage.clear()
    sessionStorage.clear()
  })
  afterEach(() => {
    for (const session of opened.splice(0)) session.signOut()
    vi.unstubAllGlobals()
  })

  it('is remembered when the page is loaded again', () => {
    open().signIn('ada')
    expect(open().current()?.user).toBe('ada')
  })

  it('is asked in a second window, with the last name at hand', () => {
    open().signIn('ada')
    // A window of its own has the same localStorage and no sessionStorage.
    sessionStorage.clear()
    expect(open().current()).toBeUndefined()
    expect(lastName()).toBe('ada')
  })

  it('is whom the address names', () => {
    open().signIn('ada')
    expect(open('user=grace').current()?.user).toBe('grace')
  })

  it('is asked again after leaving', () => {
    const session = open()
    session.signIn('ada')
    session.signOut()
    expect(open().current()).toBeUndefined()
  })
})
