import { FakeClient } from './fake-client.ts'

/** A client whose server answers requests when, and as, the test says. */
export class HttpClient extends FakeClient {
  /** `METHOD /path`, with the body where there is one. */
  readonly asked: string[] = []
  readonly #answers: ((response: Response) => void)[] = []
  readonly http = {
    url: '',
    tokens: { get: async () => 'a-token' },
    fetch: (
      url: string,
      init: { method: string; body?: string; signal?: AbortSignal },
    ): Promise<Response> => {
      const { method, body, signal } = init
      return new Promise((resolve, reject) => {
        // Strict mode asks twice, and takes the first question back.
        if (signal?.aborted) return reject(new Error('aborted'))
        this.asked.push([method, url, body].filter(Boolean).join(' '))
        this.#answers.push(resolve)
        signal?.addEventListener('abort', () => reject(new Error('aborted')))
      })
    },
  }

  /** The oldest request that was not answered is answered so. */
  answer(status: number, body: object): void {
    const answer = this.#answers.shift()
    if (answer === undefined) throw new Error('Nobody has asked.')
    answer(Response.json(body, { status }))
  }
}
