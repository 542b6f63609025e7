import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core'
import type { ServerProcess } from './server-process.ts'

// Chromium needs no network but ours; without these it looks for its maker's hosts at every start.
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGS })
}

export interface OpenOptions {
  browser: Browser
  server: ServerProcess
  user: string
  /** As the address names it: a channel, `inbox` or `feed`. */
  place?: string
}

/** The demo as one user has it open, in a browser context of its own. */
export class DemoPage {
  readonly user: string
  readonly page: Page
  /** What the page said that it should not have: exceptions, and dialogs that a script opened. */
  readonly faults: string[] = []
  readonly #context: BrowserContext

  private constructor(user: string, context: BrowserContext, page: Page) {
    this.user = user
    this.#context = context
    this.page = page
    page.on('pageerror', (error) => this.faults.push(error.message))
    page.on('dialog', (dialog) => {
      this.faults.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
  }

  static async open({ browser, server, user, place }: OpenOptions): Promise<DemoPage> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const demo = new DemoPage(user, context, await context.newPage())
    await demo.page.goto(`${server.url}/?user=${user}#/${place ?? 'chat:general'}`)
    await demo.connected()
    return demo
  }

  close(): Promise<void> {
    return this.#context.close()
  }

  async connected(): Promise<void> {
    await this.#connection('connected')
  }

  async reconnecting(): Promise<void> {
    await this.#connection('reconnecting')
  }

  /** To a room of the rail, the inbox or the feed. */
  async go(place: string): Promise<void> {
    await this.page.locator(`.rail a[href="#/${place}"]`).click()
  }

  /** The first message with this text. */
  message(text: string): Locator {
    return this.page.getByTestId('message').filter({ hasText: text }).first()
  }

  async write(text: string): Promise<void> {
    const composer = this.page.getByTestId('composer')
    await composer.fill(text)
    await composer.press('Enter')
  }

  async say(text: string): Promise<void> {
    await this.write(text)
    await this.page
      .locator('[data-testid=message][data-state=sent]', { hasText: text })
      .first()
      .waitFor()
  }

  /** Uses one of the tools of a message: `Reply`, `Edit`, `Delete`, `React with 👍`. */
  async use(tool: string, text: string): Promise<void> {
    const message = this.message(text)
    await message.hover()
    await message.getByRole('button', { name: tool, exact: true }).click()
  }

  /** What the badge of a place in the rail says; empty without one. */
  async badge(place: string): Promise<string> {
    const badge = this.page.locator(`.rail a[href="#/${place}"] [data-testid=badge]`)
    return (await badge.count()) === 0 ? '' : ((await badge.innerText()).split(/\s/)[0] ?? '')
  }

  async #connection(state: string): Promise<void> {
    await this.page
      .locator(`[data-testid=connection][data-state=${state}]`)
      .waitFor({ state: 'attached', timeout: 30_000 })
  }
}
