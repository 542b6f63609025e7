export type Body = Record<string, unknown>

/** Sends `body` as JSON, or as it is when it is a text. */
export async function send(
  url: string,
  options: { method?: string; token?: string | undefined; body?: unknown } = {},
): Promise<{ status: number; headers: Headers; body: Body }> {
  const { method = options.body === undefined ? 'GET' : 'POST', token, body } = options
  const response = await fetch(url, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const { status, headers } = response
  return { status, headers, body: text === '' ? {} : (JSON.parse(text) as Body) }
}
