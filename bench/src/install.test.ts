import { expect, test } from 'vitest'

import { installPeers, missingTools } from './install.ts'
import { type Peer, peerNamed } from './peers.ts'

const packaged: Peer = {
  ...peerNamed('ws'),
  install: ['a-package-that-debian-lacks'],
  available: () => 'install a-package-that-debian-lacks',
}

function linesOf(peers: readonly Peer[], system: boolean): string[] {
  const lines: string[] = []
  installPeers(peers, system, (line) => void lines.push(line), [])
  return lines
}

test('what is there is not installed again', () => {
  expect(linesOf([{ ...packaged, available: () => undefined }], true)).toEqual([])
})

test('packages of the system are left to the person who did not ask for everything', () => {
  expect(linesOf([packaged], false)).toEqual([])
})

test('a machine without a compiler lacks it and zlib, one without zlib only that', () => {
  expect(missingTools(false)).toEqual(['gcc', 'libc6-dev', 'zlib1g-dev'])
  expect(missingTools(true, false)).toEqual(['zlib1g-dev'])
  expect(missingTools(true, true)).toEqual([])
})

test('tools are left to the person, too, who did not ask for everything', () => {
  const lines: string[] = []
  installPeers([], false, (line) => void lines.push(line), ['gcc'])
  expect(lines).toEqual([])
})
