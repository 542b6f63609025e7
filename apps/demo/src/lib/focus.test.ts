// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { rememberFocus } from './focus.ts'

const focusedId = (): string => document.activeElement?.id ?? ''

function focus(id: string): void {
  document.getElementById(id)?.focus()
}

describe('the keyboard goes back', () => {
  beforeEach(() => {
    document.body.innerHTML = `
      <div class="room">
        <article class="message" id="message" tabindex="-1"><button id="tool"></button></article>
        <div class="composer"><textarea id="composer"></textarea></div>
      </div>`
  })
  afterEach(() => vi.restoreAllMocks())

  it('to where it was', () => {
    focus('tool')
    const goBack = rememberFocus()
    focus('composer')
    goBack()
    expect(focusedId()).toBe('tool')
  })

  const use = (pointer: 'fine' | 'coarse'): void => {
    const matches = pointer === 'fine'
    vi.spyOn(globalThis, 'matchMedia').mockReturnValue({ matches } as MediaQueryList)
  }

  it('to the message whose tools are gone, or to the composer', () => {
    use('fine')
    focus('tool')
    const goBack = rememberFocus()
    document.getElementById('tool')?.remove()
    goBack()
    expect(focusedId()).toBe('message')
    document.getElementById('message')?.remove()
    goBack()
    expect(focusedId()).toBe('composer')
  })

  it('nowhere else on a touch screen, where that opens a keyboard or the tools of a message', () => {
    use('coarse')
    focus('tool')
    const goBack = rememberFocus()
    document.getElementById('tool')?.remove()
    goBack()
    expect(focusedId()).toBe('')
  })
})
