import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

// A statement that survives type stripping: `import type` and `export type` do not.
const STATIC_IMPORT = /^(?:import|export)\s(?!type\b)(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]/gm

/** The packages that the modules behind `entry` import when they run. */
function packagesBehind(entry: string): Set<string> {
  const packages = new Set<string>()
  const modules = new Set([new URL(entry, import.meta.url).href])
  for (const module of modules) {
    const source = readFileSync(new URL(module), 'utf8')
    expect(source).not.toMatch(/\bimport\(|\brequire\(/)
    for (const [, specifier = ''] of source.matchAll(STATIC_IMPORT)) {
      if (specifier.startsWith('.')) modules.add(new URL(specifier, module).href)
      else packages.add(specifier)
    }
  }
  return packages
}

it('the main entry brings no dependency into the bundle of a client', () => {
  expect([...packagesBehind('./index.ts')]).toEqual([])
})

it('the dependencies stay behind their own entries', () => {
  expect([...packagesBehind('./schemas/index.ts')]).toEqual(['zod'])
  expect([...packagesBehind('./codecs/msgpack.ts')]).toEqual(['@msgpack/msgpack'])
  expect([...packagesBehind('./codecs/protobuf.ts')]).toEqual([
    '@bufbuild/protobuf',
    '@bufbuild/protobuf/codegenv2',
  ])
})
