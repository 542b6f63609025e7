import { closeSync, openSync } from 'node:fs'

import { describe, expect, test } from 'vitest'

import { Watch } from './watch.ts'

describe.skipIf(process.platform !== 'linux')('watching a process', () => {
  test('sees the most memory it held', () => {
    using watch = new Watch(process.pid)
    watch.look()
    const before = watch.peakBytes
    const ballast = Buffer.alloc(64e6, 1)
    watch.look()
    expect(watch.peakBytes - before).toBeGreaterThan(0.75 * ballast.length)
  })

  test('tells when so many connections had been closed, and that more were not', () => {
    using watch = new Watch(process.pid)
    const open = Array.from({ length: 30 }, () => openSync('/dev/null', 'r'))
    watch.look()
    for (const descriptor of open) closeSync(descriptor)
    watch.look()
    expect(watch.closedAfter(20)).toBeGreaterThan(0)
    expect(watch.closedAfter(10_000)).toBeUndefined()
  })
})
