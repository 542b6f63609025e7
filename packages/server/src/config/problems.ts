import type { z } from 'zod'

/**
 * What is wrong, in one sentence: which key, where it was set (`origins`: flag or variable by key; else the file), and what
 * it must be. For an unknown key, the nearest of the `known` ones.
 */
export function sentence(
  issue: z.core.$ZodIssue,
  origins: ReadonlyMap<string, string>,
  fileName: string,
  known: readonly string[],
): string {
  if (issue.code === 'unrecognized_keys') {
    const path = [...issue.path, issue.keys[0]].map(String)
    const near = nearest(path, known)
    const hint = near === undefined ? '' : ` Did you mean \`${near}\`?`
    return `Unknown key \`${shown(path.join('.'))}\` in ${fileName}.${hint}`
  }
  const path = issue.path.map(String)
  const message = issue.code === 'invalid_key' ? issue.issues[0]?.message : issue.message
  const must = message?.startsWith('must') === true ? message : 'is not valid'
  for (let end = path.length; end > 0; end--) {
    const origin = origins.get(path.slice(0, end).join('.'))
    if (origin === undefined) continue
    const rest = end < path.length ? ` (${shown(path.slice(end).join('.'))})` : ''
    return `\`${origin}\`${rest} ${must}.`
  }
  if (path.length === 0) return `${fileName} ${must}.`
  return `\`${shown(path.join('.'))}\` in ${fileName} ${must}.`
}

interface Key {
  path: string
  env?: string
  secret: boolean
}

/**
 * What is wrong with a variable that is written as the path of a key, of which there is none, and which key was most likely
 * meant. Others may belong to something else.
 */
export function strayVariable(
  env: Readonly<Record<string, string | undefined>>,
  keys: readonly Key[],
): string | undefined {
  const known = new Set(
    keys.flatMap(({ env: name, secret }) => (secret ? [name, `${name}_FILE`] : [name])),
  )
  const stray = Object.keys(env).find(
    (name) => /^TIDEWIRE_.*__/.test(name) && env[name] && !known.has(name),
  )
  if (stray === undefined) return undefined
  const path = stray.slice('TIDEWIRE_'.length).toLowerCase().split('__')
  const near = nearest(
    path,
    keys.map((key) => key.path),
  )
  // A key of a namespace has no variable of its own, but the namespaces have.
  const parts = near?.split('.') ?? []
  const ways = parts.map((_, i) => parts.slice(0, parts.length - i).join('.'))
  const meant = ways.flatMap((way) => keys.find((key) => key.path === way)?.env ?? [])[0]
  const hint = meant === undefined ? '' : ` Did you mean \`${meant}\`?`
  return `Unknown variable \`${shown(stray)}\`.${hint}`
}

/** The known key that was most likely meant: by its last word first, so that a key in the wrong section is found. */
function nearest(path: readonly string[], keys: readonly string[]): string | undefined {
  const [section, name] = path
  const inNamespace = section === 'namespaces' && path.length > 2
  const unknown = (inNamespace ? [section, '<name>', ...path.slice(2)] : path).join('.')
  const known = keys.flatMap((key) => {
    const parts = key.split('.')
    return parts.map((_, i) => parts.slice(0, i + 1).join('.'))
  })
  const last = (path: string) => path.slice(path.lastIndexOf('.') + 1)
  const ranked = [...new Set(known)]
    .filter((candidate) => last(candidate) !== '<name>')
    .map((candidate) => ({
      candidate,
      word: distance(last(unknown).slice(0, 64).toLowerCase(), last(candidate)),
      whole: distance(unknown.slice(0, 128), candidate),
    }))
    .sort((a, b) => a.word - b.word || a.whole - b.whole)
  const best = ranked[0]
  if (best === undefined || best.word > Math.max(1, last(best.candidate).length / 3))
    return undefined
  return inNamespace ? best.candidate.replace('<name>', name ?? '') : best.candidate
}

/** Levenshtein: how many characters must be added, dropped or replaced. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** What someone wrote, fit for a message: printable and short. */
export function shown(text: string): string {
  const printable = text.replaceAll(/\p{C}/gu, '?')
  return printable.length > 80 ? `${printable.slice(0, 80)}…` : printable
}
