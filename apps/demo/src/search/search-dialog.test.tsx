// @vitest-environment happy-dom
import { Tidewire, TidewireProvider } from '@tidewire/react'
import { cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import { SearchDialog } from './search-dialog.tsx'

afterEach(cleanup)

it('keeps the line break of Enter from the field that the focus goes back to', () => {
  const client = new Tidewire({ url: 'http://127.0.0.1:9', connect: false })
  render(
    <TidewireProvider client={client}>
      <SearchDialog rooms={[]} room={null} viewer="ada" onClose={() => undefined} />
    </TidewireProvider>,
  )
  // False: its default was prevented.
  expect(fireEvent.keyDown(screen.getByTestId('search-field'), { key: 'Enter' })).toBe(false)
  expect(fireEvent.keyDown(screen.getByTestId('search-field'), { key: 'a' })).toBe(true)
})
