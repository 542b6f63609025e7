import { fileURLToPath } from 'node:url'

const inBench = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

/** Absolute paths of everything the bench reads or writes. */
export const paths = {
  generatorSources: inBench('generator/'),
  /** Compiled generator, server logs and databases; git-ignored, and on the disk of the repository. */
  build: inBench('.build/'),
  results: inBench('results/'),
  report: inBench('RESULTS.md'),
  charts: inBench('../docs/images/'),
  peers: inBench('peers/'),
  servers: inBench('src/servers/'),
  cli: inBench('../packages/cli/'),
  ws: inBench('../node_modules/ws/'),
}
