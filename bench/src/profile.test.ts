import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

import { hasCompiler } from './generator.ts'
import { peerNamed } from './peers.ts'
import { type CpuProfile, hottest, profiled, Profiles, readProfile } from './profile.ts'
import { measure, type Rig } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidewire-bench-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a profile', () => {
  test('is named after the scenario and the setup, and after the server that is not Tidewire', () => {
    const profiles = new Profiles(folder, 's2')
    profiles.expect({ peer: peerNamed('tidewire'), setup: '1,024 in flight, 100 B' })
    expect(profiles.path).toBe(join(folder, 's2-1024-in-flight-100-b.cpuprofile'))
    profiles.expect({ peer: peerNamed('socket.io'), setup: '1,024 in flight, 100 B' })
    expect(profiles.path).toBe(join(folder, 's2-1024-in-flight-100-b-socket-io.cpuprofile'))
    expect(profiles.paths).toHaveLength(2)
  })

  test.skipIf(!hasCompiler())('is of the measured window of a server on Node', async () => {
    const peer = peerNamed('ws')
    const profiles = new Profiles(folder, 's2')
    profiles.expect({ peer, setup: '64 in flight' })
    const rig: Rig = {
      pinning: { server: [], generator: [], note: 'not pinned' },
      progress: () => undefined,
      profiles,
    }
    const load = { channel: 'bench', subscribers: 20, payload: 100, inFlight: 64 }
    const window = { warmup: 0.05, seconds: 0.5, complete: 'deliveries' } as const
    const { ok } = await measure(rig, peer, { ...load, ...window })
    expect(ok).toBe(true)
    const profile = readProfile(profiles.path ?? '')
    expect(hottest(profile, 50).join('\n')).toMatch(/ %  send(Frame)? {2}sender\.js:\d+/)
    const length = profile.timeDeltas.reduce((sum, each) => sum + each, 0) / 1e6
    // It begins and ends when the signals arrive.
    expect(length).toBeGreaterThan(0.25)
  })

  test('is left to programs on Node', () => {
    expect(profiled([process.execPath, 'server.ts'])).toHaveLength(4)
    expect(profiled(['nginx', '-c', 'nginx.conf'])).toEqual(['nginx', '-c', 'nginx.conf'])
  })
})

test('the hottest functions come first, each once, and the profiler itself is left out', () => {
  const at = (id: number, functionName: string, url: string) => ({
    id,
    callFrame: { functionName, url, lineNumber: 9 },
  })
  const profile: CpuProfile = {
    nodes: [
      at(1, 'flush', 'file:///hub.js'),
      at(2, '', 'file:///hub.js'),
      at(3, '(idle)', ''),
      at(4, 'post', 'node:inspector'),
      at(5, 'flush', 'file:///hub.js'),
    ],
    samples: [1, 2, 3, 4, 5],
    timeDeltas: [300, 100, 200, 5000, 400],
  }
  expect(hottest(profile, 2)).toEqual([' 70.0 %  flush  hub.js:10', ' 20.0 %  (idle)'])
})
