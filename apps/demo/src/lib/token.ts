import { UnauthorizedError } from '@tidewire/react'

/** A token for a name that was picked in the page. Only a development server hands them out. */
export async function fetchToken(user: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch('/v1/dev/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user }),
    ...(signal ? { signal } : {}),
  })
  if (response.status === 404) {
    throw new UnauthorizedError(
      'This demo needs a development server, which gives out tokens: start it with `tidewire serve --dev`.',
    )
  }
  if (!response.ok) throw new Error(`The server answered ${response.status} to the sign-in.`)
  const { token } = (await response.json()) as { token: string }
  return token
}
