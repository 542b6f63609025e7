// Holds the source to the import table: `node scripts/check-imports.ts`, a part of `npm run check`.
import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import { type Row, TABLE } from './import-table.ts'
import { scanImports } from './scan-imports.ts'

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
}

/** One line per broken rule: `path:line: row imports name: the rule`. */
export function checkImports(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const home = place(path)
    if (home === undefined) return [`${path}:1: belongs to no row of scripts/import-table.ts`]
    return scanImports(text).flatMap(({ specifier, line }) => {
      const broken = judge(path, home, specifier)
      return broken === undefined
        ? []
        : [`${path}:${line}: ${home.row.name} imports ${specifier ?? 'a computed name'}: ${broken}`]
    })
  })
}

/** A row, and the folder by which the file is in it. */
interface Place {
  readonly row: Row
  readonly folder: string
}

function place(path: string): Place | undefined {
  for (const row of TABLE) {
    for (const files of row.files) {
      const folder = matcher(files).exec(path)?.[0]
      if (folder !== undefined) return { row, folder }
    }
  }
  return undefined
}

function matcher(files: string): RegExp {
  const source = files
    .replaceAll('.', String.raw`\.`)
    .replaceAll(/\*+/g, (stars) => (stars === '*' ? '[^/]+' : '.*'))
  return new RegExp(`^${source}${files.endsWith('/') ? '' : '$'}`)
}

/** The rule that the import breaks, if it breaks one. */
function judge(path: string, home: Place, specifier: string | undefined): string | undefined {
  const { may } = home.row
  const allows = `may import only itself, ${may.join(', ')}`
  if (specifier === undefined) return may.includes('npm:*') ? undefined : 'write the name out'
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier)
    const there = place(target)
    const samePackage = packageOf(target) === packageOf(path)
    if (samePackage && may.includes('own package')) return undefined
    if (there !== undefined && may.includes(there.row.name)) return undefined
    if (there?.row === home.row && there.folder === home.folder) return undefined
    return samePackage ? allows : 'another package is imported by its name'
  }
  if (/^@tidewire\/[^/]+\/(?:src|dist)(?:\/|$)/.test(specifier)) {
    return 'packages are imported by their entry points'
  }
  return may.some((allowed) => covers(allowed, specifier)) ? undefined : allows
}

function covers(allowed: string, specifier: string): boolean {
  if (allowed === 'node:*') return isBuiltin(specifier)
  if (allowed === 'npm:*') return !isBuiltin(specifier) && !specifier.startsWith('@tidewire/')
  return specifier === allowed || specifier.startsWith(`${allowed}/`)
}

/** `packages/server` for its files; nothing for those that belong to the repository itself. */
function packageOf(path: string): string | undefined {
  return /^(?:packages|apps|examples)\/[^/]+/.exec(path)?.[0]
}

if (import.meta.main) {
  const paths = globSync('**/*.{ts,tsx,mts,js,mjs}', {
    exclude: ['**/node_modules', '**/dist', '**/.build'],
  })
  const broken = checkImports(
    paths.map((path) => ({
      path: path.replaceAll('\\', '/'),
      text: readFileSync(path, 'utf8'),
    })),
  )
  for (const line of broken) console.error(line)
  if (broken.length > 0) process.exitCode = 1
}
