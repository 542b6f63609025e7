import { describe, expect, it } from 'vitest'
import { checkImports } from './check-imports.ts'
import { TABLE } from './import-table.ts'

const server = 'packages/server/src'
const check = (path: string, specifier: string): string[] =>
  checkImports([{ path, text: `import { it } from '${specifier}'\n` }])

// [row, file, imports that it may have, imports that break the rule]
const cases: [string, string, string[], string[]][] = [
  [
    'tests',
    `${server}/core/hub.test.ts`,
    ['vitest', 'node:fs', './hub.ts', '../brokers/memory.ts', '../testing/index.ts'],
    ['../../../protocol/src/index.ts', '@tidewire/protocol/src/index.ts'],
  ],
  [
    'protocol',
    'packages/protocol/src/codecs/msgpack.ts',
    ['zod', '@msgpack/msgpack', '@bufbuild/protobuf/wire', '../envelope.ts'],
    ['node:buffer', 'fs', 'ws', '@tidewire/client', '../../../client/src/index.ts'],
  ],
  [
    'core/ports',
    `${server}/core/ports/broker.ts`,
    ['@tidewire/protocol', './log.ts'],
    ['../session.ts', 'node:events', '../../brokers/memory.ts', 'ws'],
  ],
  [
    'core',
    `${server}/core/commands/publish.ts`,
    ['@tidewire/protocol', '../ports/broker.ts', '../session.ts'],
    [
      'node:crypto',
      'zod',
      '../../config/resolve.ts',
      '../../transports/websocket.ts',
      '@tidewire/client',
    ],
  ],
  [
    'transports',
    `${server}/transports/websocket.ts`,
    ['ws', 'node:http', 'http', '@tidewire/protocol', '../core/ports/connection.ts', './write.ts'],
    ['../core/session.ts', '../storage/sqlite.ts', '../compose.ts', 'jose', '../server.ts'],
  ],
  [
    'gateways',
    `${server}/gateways/yjs/index.ts`,
    ['../../core/ports/connection.ts', './sync.ts', 'node:http'],
    ['../socketio/index.ts', '../../core/hub.ts', '../../transports/websocket.ts'],
  ],
  [
    'brokers',
    `${server}/brokers/logged.ts`,
    ['../core/ports/log.ts', './memory.ts', 'node:crypto'],
    ['../storage/sqlite.ts', '../core/hub.ts', 'zod'],
  ],
  [
    'rosters',
    `${server}/rosters/memory.ts`,
    ['../core/ports/clock.ts', '@tidewire/protocol'],
    ['../brokers/memory.ts', '../core/hub.ts'],
  ],
  [
    'storage',
    `${server}/storage/sqlite.ts`,
    ['node:sqlite', 'node:worker_threads', '../core/ports/log.ts', '../make-directory.ts'],
    ['../brokers/logged.ts', '../core/session.ts', 'better-sqlite3'],
  ],
  [
    'outbound',
    `${server}/outbound/outbound.ts`,
    ['node:https', '@tidewire/protocol', './lookup.ts'],
    ['../auth/jwt.ts', '../config/schema.ts', 'jose'],
  ],
  [
    'auth',
    `${server}/auth/jwt.ts`,
    ['jose', '../core/ports/authenticator.ts', '../outbound/outbound.ts'],
    ['../observe/logs.ts', '../core/session.ts', 'ws'],
  ],
  [
    'observe',
    `${server}/observe/metrics.ts`,
    ['prom-client', 'pino', '../core/ports/observer.ts'],
    ['../auth/jwt.ts', '../core/hub.ts', 'jose'],
  ],
  [
    'features',
    `${server}/features/chat/index.ts`,
    ['../../server.ts', '@tidewire/protocol', 'kysely', 'node:fs', './rules.ts'],
    ['../presence/index.ts', '../../core/hub.ts', '../../storage/sqlite.ts', 'ws'],
  ],
  [
    'config',
    `${server}/config/resolve.ts`,
    ['zod', 'node:fs', './keys.ts', '../core/ports/log.ts'],
    ['../core/session.ts', '../transports/websocket.ts'],
  ],
  [
    'shell',
    `${server}/http-server.ts`,
    ['node:http', './core/ports/clock.ts', '@tidewire/protocol'],
    ['./core/hub.ts', './transports/websocket.ts', 'ws'],
  ],
  [
    'platform',
    `${server}/make-directory.ts`,
    ['node:fs', './core/ports/clock.ts'],
    ['./core/hub.ts', './storage/sqlite.ts', '@tidewire/protocol'],
  ],
  [
    'server',
    `${server}/server.ts`,
    ['./core/hub.ts', './core/ports/broker.ts', './config/resolve.ts', './http-server.ts'],
    ['./brokers/memory.ts', './auth/jwt.ts', './storage/sqlite.ts', './compose.ts', 'ws'],
  ],
  [
    'compose',
    `${server}/compose.ts`,
    ['./transports/websocket.ts', './core/hub.ts', 'ws', 'node:http', '@tidewire/protocol'],
    ['@tidewire/client', '../../client/src/index.ts'],
  ],
  [
    'client',
    'packages/client/src/transports/sse.ts',
    ['@tidewire/protocol', '../client.ts'],
    ['node:events', 'ws', '@tidewire/server', '../../../protocol/src/index.ts'],
  ],
  [
    'hooks',
    'packages/react/src/use-channel.ts',
    ['react', '@tidewire/client', './provider.ts'],
    [
      './testing/fake-client.ts',
      '@tidewire/protocol',
      'react-dom',
      'node:events',
      '@tidewire/client/src/index.ts',
    ],
  ],
  [
    'cli/bin',
    'packages/cli/bin/tidewire.js',
    ['node:fs', '../dist/main.js'],
    ['commander', '@tidewire/server', '../../server/dist/index.js'],
  ],
  [
    'cli',
    'packages/cli/src/serve.ts',
    ['commander', 'node:fs', '@tidewire/server', './main.ts'],
    ['@tidewire/server/src/compose.ts', '../../server/src/compose.ts', '@tidewire/react'],
  ],
  [
    'demo',
    'apps/demo/src/app.tsx',
    ['react', 'react-dom/client', '@tidewire/react', './room.tsx', './room.css'],
    ['@tidewire/server', 'node:fs', '../../../packages/react/src/index.ts'],
  ],
  [
    'scripts',
    'scripts/check-imports.ts',
    ['node:fs', 'vitest', './import-table.ts'],
    ['../packages/protocol/src/index.ts', '@tidewire/protocol', '../e2e/setup.ts'],
  ],
  [
    'repository',
    'e2e/setup.ts',
    ['ws', '@tidewire/server/testing', './support/server.ts', '../packages/cli/bin/tidewire.js'],
    ['../packages/cli/src/main.ts', '@tidewire/server/dist/index.js', '../bench/src/main.ts'],
  ],
]

describe('the import table', () => {
  it('has a case here for each of its rows', () => {
    expect(cases.map(([row]) => row)).toEqual(TABLE.map(({ name }) => name))
  })

  describe.each(cases)('%s', (row, path, allowed, forbidden) => {
    it.each(allowed)('may import %s', (specifier) => {
      expect(check(path, specifier)).toEqual([])
    })

    it.each(forbidden)('may not import %s', (specifier) => {
      const [broken, ...more] = check(path, specifier)
      expect(broken).toContain(`${path}:1: ${row} imports ${specifier}: `)
      expect(more).toEqual([])
    })
  })

  it('has a row for each file', () => {
    expect(checkImports([{ path: 'tools/new.ts', text: '' }])).toEqual([
      'tools/new.ts:1: belongs to no row of scripts/import-table.ts',
    ])
  })

  it('wants the name of a dynamic import written out where packages are limited', () => {
    const text = 'const part = await import(name)\n'
    expect(checkImports([{ path: `${server}/core/hub.ts`, text }])).toHaveLength(1)
    expect(checkImports([{ path: 'bench/src/main.ts', text }])).toEqual([])
  })
})

describe('the scanner of imports', () => {
  const lines = (...text: string[]): string[] =>
    checkImports([{ path: `${server}/core/hub.ts`, text: text.join('\n') }]).map((broken) =>
      broken.replace(/^\S+?:(\d+): \S+ imports (\S+): .*/, '$1 $2'),
    )

  it.each([
    ["import fs from 'node:fs'", '1 node:fs'],
    ['import type { Server } from "node:http"', '1 node:http'],
    ["import {\n  a,\n  b,\n} from 'node:fs'", '4 node:fs'],
    ["import * as fs from 'node:fs'", '1 node:fs'],
    ["import 'node:fs'", '1 node:fs'],
    ["export * from 'node:fs'", '1 node:fs'],
    ["export type { Server } from 'node:http'", '1 node:http'],
    ["const fs = await import('node:fs')", '1 node:fs'],
    ['const fs = await import(\n  `node:fs`,\n)', '2 node:fs'],
    ["type Fs = import('node:fs').Stats", '1 node:fs'],
    ["new Worker(new URL('../storage/worker.ts', import.meta.url))", '1 ../storage/worker.ts'],
    ["export const a = 1\nexport { b } from 'node:fs'", '2 node:fs'],
    ["const quote = /['\"`]/\nimport 'node:fs'", '2 node:fs'],
    ["const path = `${a ? `x${b}` : ''}`\nimport 'node:fs'", '2 node:fs'],
  ])('finds %j', (text, found) => {
    expect(lines(...text.split('\n'))).toEqual([found])
  })

  it.each([
    "// import 'node:fs'",
    "/* import\n * as fs from 'node:fs' */",
    `const text = "import 'node:fs'"`,
    "const text = `\nimport 'node:fs'\n`",
    'export const from = "node:fs"',
    "const url = new URL('../style.css', import.meta.url)",
    'const where = import.meta.url',
    "loader.import('node:fs')",
    "const half = a / b // import 'node:fs'",
  ])('is not fooled by %j', (text) => {
    expect(lines(text)).toEqual([])
  })
})
