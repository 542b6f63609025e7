// Plain JavaScript on purpose: it has to run on the old Node that it complains about.
// The repository brings its own Node as an optional dependency; `--omit=optional` leaves it out.
// 22.18 is the first that runs TypeScript sources unbuilt, as the scripts and tests here do.
const NEEDED = [22, 18]

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  console.error(
    `This repository needs Node ${NEEDED.join('.')} or newer and found ${process.versions.node}: ` +
      'run "npm ci" without --omit=optional, which installs Node 26 in node_modules/.',
  )
  process.exit(1)
}
