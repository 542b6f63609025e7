import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What a dev server shows at `/`: the demo where it was built beside us, else a page that says how to go on. */
export function findSite(): string {
  const candidates = ['../../../apps/demo/dist/', '../site/']
  const found = candidates
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(`${path}index.html`))
  if (found === undefined) throw new Error('The package is incomplete: site/ is missing.')
  return found
}
