import { onTestFinished } from 'vitest'
import { createServerKey } from '../auth/server-keys.ts'
import type { ServerOptions } from '../compose.ts'
import { chat, type ChatOptions } from '../features/chat/index.ts'
import { startTestServer, type TestServer } from './index.ts'
import { Talker } from './talker.ts'

const { key: SERVER_KEY, ...KNOWN_KEY } = createServerKey('tests')

export type ChatServerOptions = ServerOptions & { chat?: ChatOptions }

export interface Answer {
  status: number
  body: Record<string, unknown>
}

/** A server with rooms, and users who talk in them. */
export class ChatServer {
  readonly test: TestServer

  private constructor(test: TestServer) {
    this.test = test
  }

  /** Until the test is finished. */
  static async start(options: ChatServerOptions = {}): Promise<ChatServer> {
    const chat = await ChatServer.open(options)
    onTestFinished(() => chat.close())
    return chat
  }

  static async open(options: ChatServerOptions = {}): Promise<ChatServer> {
    const { chat: chatOptions, auth, ...others } = options
    const test = await startTestServer({
      features: [chat(chatOptions)],
      no_limits: true,
      ...others,
      auth: { server_keys: [KNOWN_KEY], ...auth },
    })
    return new ChatServer(test)
  }

  close(): Promise<void> {
    return this.test.close()
  }

  get server() {
    return this.test.server
  }

  get url(): string {
    return this.test.url
  }

  /** Until the test is finished. */
  async connect(user: string): Promise<Talker> {
    const talker = await Talker.connect(this.url, user, await this.test.token(user))
    onTestFinished(() => talker.close())
    return talker
  }

  /** Some who joined the room, in the order of their names. */
  async room(room: string, ...users: string[]): Promise<Talker[]> {
    const talkers = await Promise.all(users.map((user) => this.connect(user)))
    for (const talker of talkers) await talker.do('join_room', { room })
    return talkers
  }

  /** As a user, or with the server key. */
  async http(
    who: string | undefined,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer> {
    const token = who === undefined ? SERVER_KEY : await this.test.token(who)
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }
}
