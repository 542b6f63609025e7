import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import { up } from '@tidewire/protocol/schemas'
import type { Up } from '@tidewire/protocol'

/** The payload of a reserved type, checked by its schema. Throws `bad_envelope` that names the field. */
export function parse<Type extends keyof Up>(type: Type, payload: JsonObject): Up[Type] {
  const parsed = up[type].safeParse(payload)
  if (parsed.success) return parsed.data as Up[Type]
  const issue = parsed.error.issues[0]
  const field = issue?.path.join('.')
  throw new ProtocolError(
    'bad_envelope',
    `The payload of \`${type}\` is not valid: ${field ? `\`${field}\`: ` : ''}${issue?.message ?? ''}.`,
  )
}
