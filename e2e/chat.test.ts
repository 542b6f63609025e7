import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { launch } from './support/demo.ts'
import { ServerProcess } from './support/server-process.ts'
import { until } from './support/until.ts'

let browser: Browser
let server: ServerProcess
let contexts: BrowserContext[]

beforeAll(async () => {
  browser = await launch(inject('chromium'))
})
afterAll(() => browser.close())

beforeEach(async () => {
  contexts = []
  server = await ServerProcess.start()
})
afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()))
  await server.remove()
})

async function open(user: string, transport = 'websocket', room = 'chat:general'): Promise<Page> {
  const context = await browser.newContext()
  contexts.push(context)
  const page = await context.newPage()
  await page.goto(`${server.url}/?user=${user}&transport=${transport}#/${room}`)
  await connection(page, 'connected').waitFor({ state: 'attached' })
  return page
}

function connection(page: Page, state: string) {
  return page.locator(`[data-testid=connection][data-state=${state}]`)
}

async function say(page: Page, text: string): Promise<void> {
  const composer = page.getByTestId('composer')
  await composer.fill(text)
  await composer.press('Enter')
}

interface Shown {
  text: string
  offset: number
  state: string
}

function shown(page: Page): Promise<Shown[]> {
  return page.getByTestId('message').evaluateAll((messages) =>
    messages.map((message) => ({
      text: message.querySelector('[data-testid=text]')?.textContent ?? '',
      offset: Number(message.getAttribute('data-offset')),
      state: message.getAttribute('data-state') ?? '',
    })),
  )
}

async function showing(page: Page, texts: string[]): Promise<void> {
  let last: Shown[] = []
  await until(
    async () => {
      last = await shown(page)
      return (
        JSON.stringify(last.map(({ text }) => text)) === JSON.stringify(texts) &&
        last.every(({ state }) => state === 'sent')
      )
    },
    () => `shows ${JSON.stringify(last)}`,
  )
}

describe.each(['websocket', 'sse', 'poll'])('two pages over %s', (transport) => {
  it('talk, and a kill -9 in mid-conversation costs neither a message nor their order', async () => {
    const ada = await open('ada', transport)
    const bob = await open('bob', transport)
    const expected: string[] = []
    const talk = async (page: Page, text: string): Promise<void> => {
      expected.push(text)
      await say(page, text)
      await showing(page, expected)
    }
    for (let i = 0; i < 4; i++) await talk(i % 2 ? bob : ada, `before ${i}`)
    await showing(bob, expected)

    await say(ada, 'in mid-sentence')
    expected.push('in mid-sentence')
    await server.kill()
    await connection(ada, 'reconnecting').waitFor({ state: 'attached' })
    await say(ada, 'written while it was down')
    expected.push('written while it was down')
    await server.start()
    for (const page of [ada, bob]) {
      await connection(page, 'connected').waitFor({ state: 'attached', timeout: 30_000 })
    }
    await showing(ada, expected)
    for (let i = 0; i < 4; i++) await talk(i % 2 ? bob : ada, `after ${i}`)
    await showing(ada, expected)
    await showing(bob, expected)
    const offsets = (await shown(bob)).map(({ offset }) => offset)
    expect(offsets).toEqual(expected.map((_, i) => i + 1))
  })
})

it('a plain EventSource resumes over a server restart without a hole', async () => {
  const page = await open('ada')
  const token = await server.token('ada')
  await page.evaluate((url) => {
    const texts: string[] = []
    Object.assign(window, { texts })
    new EventSource(url).addEventListener('message', ({ data }: MessageEvent<string>) => {
      texts.push((JSON.parse(data) as { payload: { content: string } }).payload.content)
    })
  }, `/v1/sse?channel=chat:general&token=${token}`)
  const heard = (): Promise<string[]> =>
    page.evaluate(() => (window as unknown as { texts: string[] }).texts)
  const expected: string[] = []
  const talk = async (text: string): Promise<void> => {
    expected.push(text)
    await say(page, text)
    await showing(page, expected)
  }
  await talk('one')
  await until(async () => (await heard()).length === 1)
  await server.kill()
  await server.start()
  await connection(page, 'connected').waitFor({ state: 'attached' })
  for (const text of ['two', 'three']) await talk(text)
  await until(async () => (await heard()).length === 3)
  expect(await heard()).toEqual(expected)
})

it('shows what people write as text, whatever it looks like', async () => {
  const page = await open('ada')
  let dialogs = 0
  page.on('dialog', (dialog) => {
    dialogs += 1
    void dialog.dismiss()
  })
  const hostile = [
    '<img src=x onerror=alert(1)>',
    '<script>alert(2)</script>',
    'javascript:alert(3)',
    '"><svg onload=alert(4)>',
  ]
  for (const text of hostile) await say(page, text)
  await showing(page, hostile)
  expect(await page.locator('[data-testid=message] :is(img, script, svg[onload])').count()).toBe(0)
  expect(await page.locator('a[href^="javascript:"]').count()).toBe(0)
  expect(dialogs).toBe(0)
})

it('scrolls back through history that came before the page', async () => {
  const token = await server.token('ada')
  for (let i = 0; i < 120; i++) {
    const response = await fetch(`${server.url}/v1/channels/chat:general/publications`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'message', payload: { content: `line ${i}` } }),
    })
    expect(response.status).toBe(201)
  }
  const page = await open('bob')
  await until(async () => (await shown(page)).at(-1)?.text === 'line 119')
  const list = page.getByRole('log')
  await until(async () => {
    await list.evaluate((element) => element.scrollTo(0, 0))
    return (await shown(page))[0]?.text === 'line 0'
  })
})
