import type { ErrorPayload } from '@tidewire/protocol'
import type { Answers } from '../answers.ts'

/** The error of a response that is none of the good ones; its body has to be that of PROTOCOL.md §7. */
export async function refusalOf(
  where: string,
  response: Response,
  answers: Answers,
): Promise<Error> {
  const body = (await response.json().catch(() => ({}))) as Partial<ErrorPayload>
  answers.error(`${where} ${response.status}`, body.code)
  return new Error(`${where} answered ${response.status}: ${body.message ?? 'nothing'}`)
}
