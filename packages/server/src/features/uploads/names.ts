import { ProtocolError } from '@tidewire/protocol'

const MAX_CHARACTERS = 255
/** What would lead elsewhere, end a header, or show another name than the one it is: controls and marks of direction. */
// eslint-disable-next-line no-control-regex
const NEVER = /[\u0000-\u001f\u007f-\u009f/\\\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/

/** The name that a file is to be shown by. Throws `bad_envelope`. It never becomes a part of a path. */
export function checkName(name: string | null): string {
  if (name === null || name.trim() === '') throw refused('`name` is missing: pass `?name=…`.')
  if (name.length > MAX_CHARACTERS) {
    throw refused(`The name is longer than ${MAX_CHARACTERS} characters. Shorten it.`)
  }
  if (NEVER.test(name) || /\p{Surrogate}/u.test(name) || /^\.{1,2}$/.test(name)) {
    throw refused(
      'The name has a slash, a control character or a mark of direction in it. Choose another.',
    )
  }
  return name
}

/** The value of `Content-Disposition` (RFC 6266, RFC 8187): no byte of the name can end it. */
export function contentDisposition(kind: 'attachment' | 'inline', name: string): string {
  const plain = name.replaceAll(/[^ !#$&'()+,.0-9;=@A-Z[\]^_`a-z{}~-]/g, '_')
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`
}

function refused(message: string): ProtocolError {
  return new ProtocolError('bad_envelope', message)
}
