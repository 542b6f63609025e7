import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest'
import { DemoPage, launch, type OpenOptions } from './demo.ts'
import { ServerProcess } from './server-process.ts'

/** What the tests of a file play on: one browser for all of them; for each a server with empty logs, and its pages. */
export class Stage {
  #browser: Browser | undefined
  #server: ServerProcess | undefined
  readonly #pages: DemoPage[] = []

  /** Called once, outside of the tests. */
  static forTests(): Stage {
    const stage = new Stage()
    beforeAll(async () => {
      stage.#browser = await launch(inject('chromium'))
    })
    afterAll(() => stage.#browser?.close())
    beforeEach(async () => {
      stage.#server = await ServerProcess.start()
    })
    afterEach(() => stage.#clear())
    return stage
  }

  get server(): ServerProcess {
    if (this.#server === undefined) throw new Error('Only a test has a server.')
    return this.#server
  }

  /** Those that the test opened. */
  get pages(): readonly DemoPage[] {
    return this.#pages
  }

  async open(
    user: string,
    options: Omit<OpenOptions, 'browser' | 'server' | 'user'> = {},
  ): Promise<DemoPage> {
    if (this.#browser === undefined) throw new Error('Only a test has a browser.')
    const { server } = this
    const page = await DemoPage.open({ browser: this.#browser, server, user, ...options })
    this.#pages.push(page)
    return page
  }

  async #clear(): Promise<void> {
    await Promise.all(this.#pages.splice(0).map((page) => page.close()))
    await this.#server?.remove()
    this.#server = undefined
  }
}
