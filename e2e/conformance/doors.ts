import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess, type ServerProcessOptions } from '../support/server-process.ts'
import { Nginx } from './nginx.ts'
import type { Tokens } from './run.ts'

export const DOORS: readonly [where: string, proxied: boolean][] = [
  ['on the port', false],
  ['behind nginx', true],
]

/** A server, and the two ways to it. */
export class Doors {
  readonly server: ServerProcess
  readonly tokens: Tokens
  readonly #nginx: Nginx

  private constructor(server: ServerProcess, nginx: Nginx, tokens: Tokens) {
    this.server = server
    this.tokens = tokens
    this.#nginx = nginx
  }

  /** A `config` has to have `dev`, which makes the tokens. */
  static async open(options?: ServerProcessOptions): Promise<Doors> {
    const server = await ServerProcess.start(options)
    const nginx = await Nginx.start(server.port)
    return new Doors(server, nginx, {
      ada: await server.token('ada'),
      bob: await server.token('bob'),
      server: readFileSync(join(server.data, 'dev-server-key'), 'utf8').trim(),
    })
  }

  port(proxied: boolean): number {
    return proxied ? this.#nginx.port : this.server.port
  }

  /** A token of any user that ends in so many seconds, or did. */
  tokenFor(user: string, seconds: number, claims: object = {}): string {
    const secret = readFileSync(join(this.server.data, 'dev-secret'), 'utf8').trim()
    const exp = Date.now() / 1000 + seconds
    const content = [
      { alg: 'HS256', typ: 'JWT' },
      { sub: user, exp, ...claims },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`
  }

  async remove(): Promise<void> {
    await this.#nginx.remove()
    await this.server.remove()
  }
}
