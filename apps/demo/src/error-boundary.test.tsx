// @vitest-environment happy-dom
import { cleanup, render, screen } from '@testing-library/react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ErrorBoundary } from './error-boundary.tsx'

afterEach(() => {
  cleanup()
  vi.restoreAllMocks()
})

describe('a page that broke', () => {
  it('says so and offers the way out', () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const Broken = (): never => {
      throw new Error('The channel name is not valid.')
    }
    render(
      <ErrorBoundary>
        <Broken />
      </ErrorBoundary>,
    )
    expect(screen.getByRole('heading').textContent).toBe('This page stopped working')
    expect(screen.getByRole('button').textContent).toBe('Start again')
  })
})
