/**
 * Who may import what. A file belongs to the first row whose `files` matches the start of its path
 * (`*` is one name), and may always import files of that same row and folder.
 *
 * In `may`: the name of a row; a package, with its subpaths; `node:*`; `npm:*` for any package that is
 * not ours; `own package` for every file of the same package.
 */
export interface Row {
  readonly name: string
  readonly files: readonly string[]
  readonly may: readonly string[]
}

const ENTRY_POINTS = [
  '@tidewire/protocol',
  '@tidewire/client',
  '@tidewire/react',
  '@tidewire/server',
  '@tidewire/cli',
]
const PORTS_AND_WIRE = ['core/ports', '@tidewire/protocol', 'node:*']

export const TABLE: readonly Row[] = [
  {
    name: 'tests',
    files: [
      'packages/*/src/**.test.ts',
      'packages/*/src/**.test.tsx',
      'apps/*/src/**.test.ts',
      'apps/*/src/**.test.tsx',
      'packages/*/src/testing/',
      'packages/server/src/features/*/testing/',
      'packages/*/testing/',
      'packages/*/contract/',
    ],
    may: ['own package', ...ENTRY_POINTS, 'node:*', 'npm:*'],
  },

  {
    name: 'protocol',
    files: ['packages/protocol/src/'],
    may: ['zod', '@msgpack/msgpack', '@bufbuild/protobuf'],
  },

  {
    name: 'core/ports',
    files: ['packages/server/src/core/ports/'],
    may: ['@tidewire/protocol'],
  },
  {
    name: 'core',
    files: ['packages/server/src/core/'],
    may: ['core/ports', '@tidewire/protocol'],
  },
  {
    name: 'transports',
    files: ['packages/server/src/transports/'],
    may: [...PORTS_AND_WIRE, 'ws', 'hono', '@hono/node-server', '@hono/zod-openapi', 'zod'],
  },
  { name: 'gateways', files: ['packages/server/src/gateways/*/'], may: PORTS_AND_WIRE },
  { name: 'brokers', files: ['packages/server/src/brokers/'], may: PORTS_AND_WIRE },
  { name: 'rosters', files: ['packages/server/src/rosters/'], may: PORTS_AND_WIRE },
  {
    name: 'storage',
    files: ['packages/server/src/storage/'],
    may: [...PORTS_AND_WIRE, 'platform', 'kysely'],
  },
  { name: 'outbound', files: ['packages/server/src/outbound/'], may: PORTS_AND_WIRE },
  {
    name: 'auth',
    files: ['packages/server/src/auth/'],
    may: [...PORTS_AND_WIRE, 'platform', 'outbound', 'jose', 'zod'],
  },
  {
    name: 'observe',
    files: ['packages/server/src/observe/'],
    may: [...PORTS_AND_WIRE, 'pino', 'prom-client'],
  },
  {
    name: 'features',
    files: ['packages/server/src/features/*/'],
    may: ['server', '@tidewire/protocol', 'zod', 'kysely', 'web-push', 'aws4fetch', 'node:*'],
  },
  {
    name: 'config',
    files: ['packages/server/src/config/'],
    may: ['config', 'core/ports', '@tidewire/protocol', 'node:*', 'zod'],
  },
  {
    name: 'shell',
    files: ['packages/server/src/http-server.ts', 'packages/server/src/tls.ts'],
    may: ['shell', ...PORTS_AND_WIRE],
  },
  {
    // What the machine does for us, without a word of ours in it.
    name: 'platform',
    files: ['packages/server/src/clock.ts', 'packages/server/src/make-directory.ts'],
    may: ['core/ports', 'node:*'],
  },
  {
    // Of transports, observe and outbound it names the types of the parts that compose hands in.
    name: 'server',
    files: [
      'packages/server/src/server.ts',
      'packages/server/src/client.ts',
      'packages/server/src/handlers.ts',
      'packages/server/src/own-json.ts',
      'packages/server/src/parts.ts',
      'packages/server/src/rounds.ts',
    ],
    may: [
      'server',
      'core',
      'core/ports',
      'config',
      'shell',
      'transports',
      'observe',
      'outbound',
      '@tidewire/protocol',
      'node:*',
      'zod',
      'kysely',
    ],
  },
  {
    name: 'compose',
    files: [
      'packages/server/src/compose.ts',
      'packages/server/src/compose/',
      'packages/server/src/index.ts',
    ],
    may: ['own package', '@tidewire/protocol', 'node:*', 'npm:*'],
  },

  { name: 'client', files: ['packages/client/src/'], may: ['@tidewire/protocol'] },
  { name: 'hooks', files: ['packages/react/src/'], may: ['@tidewire/client', 'react'] },
  {
    // It runs on any Node, to say which one is needed; only then does it load the rest.
    name: 'cli/bin',
    files: ['packages/cli/bin/'],
    may: ['own package', 'node:*'],
  },
  {
    name: 'cli',
    files: ['packages/cli/'],
    may: ['@tidewire/protocol', '@tidewire/client', '@tidewire/server', 'node:*', 'npm:*'],
  },

  {
    name: 'demo',
    files: ['apps/demo/src/'],
    may: ['@tidewire/react', 'react', 'react-dom'],
  },
  {
    name: 'scripts',
    files: ['scripts/', '.ci/'],
    may: ['node:*', 'npm:*'],
  },
  {
    name: 'repository',
    files: ['apps/*/', 'bench/', 'e2e/', 'faults/', 'examples/*/', '*.config.ts'],
    may: [...ENTRY_POINTS, 'scripts', 'cli/bin', 'node:*', 'npm:*'],
  },
]
