// Runs the tests on the Node that runs npm, for the version matrix. Inside `npm run`, plain `node`
// is the repository's own Node 26, because node_modules/.bin comes first on PATH.
import { spawnSync } from 'node:child_process'
import { delimiter, dirname } from 'node:path'

const host = process.env.npm_node_execpath
if (host === undefined) {
  console.error('Start this with "npm run test:host": npm says which Node is the host\'s.')
  process.exit(1)
}

const version = spawnSync(host, ['--version'], { encoding: 'utf8' }).stdout.trim()
const [major = 0, minor = 0] = version.slice(1).split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`The tests need Node 22.18 or newer; npm runs on ${version}.`)
  process.exit(1)
}

console.log(`Testing on Node ${version}`)
const { status } = spawnSync(
  host,
  ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, PATH: [dirname(host), process.env.PATH].join(delimiter) },
  },
)
process.exit(status ?? 1)
