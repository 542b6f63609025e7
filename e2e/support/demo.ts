import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
  type WebSocketRoute,
} from 'playwright-core'
import type { ServerProcess } from './server-process.ts'
import { until } from './until.ts'

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
  /** The only one that the page may use. */
  transport?: 'websocket' | 'sse' | 'poll'
  /** Pixels. Default: a large screen. */
  size?: { width: number; height: number }
  colorScheme?: 'light' | 'dark'
}

/** The wire between one page and the server: it can be cut, and messages can be refused on it. */
class Wire {
  readonly #sockets = new Set<WebSocketRoute>()
  #isCut = false
  /** What the server would say of every message that the page sends. */
  refusal: { code: number; message: string } | undefined

  async tap(page: Page): Promise<void> {
    await page.routeWebSocket(/\/v1\/ws/, async (socket) => {
      if (this.#isCut) return socket.close({ code: 1001 })
      this.#sockets.add(socket)
      const server = socket.connectToServer()
      socket.onMessage((text) => {
        const answer = this.#refused(String(text))
        if (answer === undefined) server.send(text)
        else socket.send(answer)
      })
    })
  }

  /** Ends what there is, and lets nothing new through. */
  async cut(): Promise<void> {
    this.#isCut = true
    await Promise.all([...this.#sockets].map((socket) => socket.close({ code: 1001 })))
    this.#sockets.clear()
  }

  mend(): void {
    this.#isCut = false
  }

  #refused(text: string): string | undefined {
    const { type, metadata } = JSON.parse(text) as {
      type: string
      metadata?: { message_id?: string }
    }
    if (this.refusal === undefined || type !== 'message') return undefined
    return JSON.stringify({
      type: 'error',
      payload: this.refusal,
      metadata: { correlation_id: metadata?.message_id },
    })
  }
}

/** The demo as one user has it open, in a browser context of its own. */
export class DemoPage {
  readonly user: string
  readonly page: Page
  /** What the page said that it should not have: exceptions, and dialogs that a script opened. */
  readonly faults: string[] = []
  /** Of a page that may use WebSocket alone. */
  readonly wire = new Wire()
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

  static async open(options: OpenOptions): Promise<DemoPage> {
    const { browser, server, user, place = 'chat:general', transport, colorScheme } = options
    const context = await browser.newContext({
      viewport: options.size ?? { width: 1440, height: 900 },
      ...(colorScheme && { colorScheme }),
    })
    const demo = new DemoPage(user, context, await context.newPage())
    if (transport === 'websocket') await demo.wire.tap(demo.page)
    const only = transport === undefined ? '' : `&transport=${transport}`
    await demo.page.goto(`${server.url}/?user=${user}${only}#/${place}`)
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

  /** The badge of the connection while it is away: a click tries again, unless the page does so first. */
  async retry(): Promise<void> {
    const button = this.page.getByTestId('connection').getByRole('button')
    // One that comes too late must not press the button of the next time.
    const clicked = button.click({ timeout: 2_000 }).catch(() => undefined)
    await Promise.race([clicked, this.connected()])
  }

  /** What is said in the open room comes from now on, and what is missed is known. */
  async live(): Promise<void> {
    await this.page
      .locator('[data-testid=connection][data-tone=live]')
      .waitFor({ state: 'attached' })
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

  /** Waits until the badge of a place says so. */
  async showsBadge(place: string, badge: string): Promise<void> {
    let last = ''
    await until(
      async () => {
        last = await this.badge(place)
        return last === badge
      },
      () => `${this.user} has "${last}" at ${place} instead of "${badge}"`,
    )
  }

  async #connection(state: string): Promise<void> {
    await this.page
      .locator(`[data-testid=connection][data-state=${state}]`)
      .waitFor({ state: 'attached', timeout: 30_000 })
  }
}
