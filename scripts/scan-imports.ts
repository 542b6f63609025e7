/** One mention of a module in a source text. */
export interface ImportSite {
  /** As written; `undefined` when it is computed and so cannot be read off the text. */
  readonly specifier: string | undefined
  readonly line: number
}

/**
 * Finds what a TypeScript or JavaScript source imports: `import` and `export … from`, side-effect
 * imports, `import('…')` in code and in types, and sources named by `new URL('…', import.meta.url)`.
 *
 * TypeScript 7 offers no parser to programs, so this is a scanner: it first blanks what is not code,
 * so that the expressions below meet no look-alikes. An import inside a template's `${}` escapes it.
 */
export function scanImports(text: string): ImportSite[] {
  const { code, strings } = blank(text)
  const sites: ImportSite[] = []
  for (const expression of IMPORTS) {
    for (const match of code.matchAll(expression)) {
      const quote = match.index + match[0].length - 1
      const specifier = strings.get(quote)
      if (expression === SOURCE_URL && !SOURCE_FILE.test(specifier ?? '')) continue
      sites.push({ specifier, line: code.slice(0, quote).split('\n').length })
    }
  }
  return sites.toSorted((a, b) => a.line - b.line)
}

// Each ends at the opening quote of the specifier; DYNAMIC at whatever stands in its place.
const FROM = /\b(?:import|export)\b[^;'"`()=]*?\bfrom\s*['"]/g
const SIDE_EFFECT = /(?<![.\w$])import\s*['"]/g
const DYNAMIC = /(?<![.\w$])import\s*\(\s*[^\s)]/g
const SOURCE_URL = /\bnew\s+URL\s*\(\s*['"`](?= *['"`]\s*,\s*import\.meta\.url)/g
const IMPORTS = [FROM, SIDE_EFFECT, DYNAMIC, SOURCE_URL]

const SOURCE_FILE = /\.[cm]?[jt]sx?$/

const NOT_CODE = new RegExp(
  [
    /\/\/[^\n]*/, // comments
    /\/\*[^]*?\*\//,
    /'(?:\\[^]|[^'\\\n])*'/, // strings
    /"(?:\\[^]|[^"\\\n])*"/,
    /`(?:\\[^]|\$\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\$(?!\{)|[^`\\$])*`/, // templates
    // Regular expressions: a slash where a value may begin.
    /(?<=(?:^|[(,=:[!&|?{};+*%~^>-]|\breturn)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//,
  ]
    .map((part) => part.source)
    .join('|'),
  'g',
)

/** The text with comments and the insides of strings as spaces, and those insides by their place. */
function blank(text: string): { code: string; strings: ReadonlyMap<number, string> } {
  const strings = new Map<number, string>()
  const code = text.replaceAll(NOT_CODE, (token: string, index: number) => {
    const inside = token.slice(1, -1)
    const isString = /^['"`]/.test(token)
    if (isString && !(token.startsWith('`') && inside.includes('${'))) strings.set(index, inside)
    const spaces = (isString ? inside : token).replaceAll(/[^\n]/g, ' ')
    return isString ? `${token[0]}${spaces}${token[0]}` : spaces
  })
  return { code, strings }
}
