import { z } from 'zod'

/** What a key says about itself beside its schema. */
export interface Notes {
  doc: string
  /** Without dashes: `port` is `--port`. */
  flag?: string
  /** Instead of `TIDEWIRE_SECTION__KEY`. */
  env?: string
  /** Never shown; `<env>_FILE` names a file that holds it. */
  secret?: boolean
  /** It can be given as a whole, and so can its keys. */
  group?: boolean
  /** Reads the text of a flag or a variable where JSON is not what people type. */
  parse?: (text: string) => unknown
}

export const NOTES = z.registry<Notes>()

export function key<T extends z.ZodType>(
  schema: T,
  doc: string,
  notes: Omit<Notes, 'doc'> = {},
): T {
  NOTES.add(schema, { doc, ...notes })
  return schema
}

export function whole(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

export function text(error: string, pattern: RegExp) {
  return z.string({ error }).regex(pattern, { error })
}

export function oneOf<const T extends readonly string[]>(words: T) {
  return z.enum(words, { error: `must be one of ${words.join(', ')}` })
}

export function section<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? 'must be a group of keys' : undefined),
  })
}

const URL_ERROR = 'must be an http: or https: URL without user name and fragment'

export const httpUrl = () =>
  z
    .string({ error: URL_ERROR })
    .max(2048, { error: URL_ERROR })
    .refine(
      (value) => {
        if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return false
        const { username, password, hash } = new URL(value)
        return username === '' && password === '' && hash === ''
      },
      { error: URL_ERROR },
    )

export const path = () => text('must be a path', /^[^\0]{1,4096}$/)

export const flag = () => z.boolean({ error: 'must be true or false' })

/** What is not JSON stays text, and the schema says what it should have been. */
export function fromJson(given: string): unknown {
  try {
    return JSON.parse(given)
  } catch (error) {
    if (error instanceof SyntaxError) return given
    throw error
  }
}
