import { describe, expect, it } from 'vitest'
import type { DemoPage } from './support/demo.ts'
import { publisher } from './support/publish.ts'
import { Stage } from './support/stage.ts'
import { until } from './support/until.ts'

const stage = Stage.forTests()

describe('a message is read', () => {
  const seenByBob = (ada: DemoPage, text: string): Promise<number> =>
    ada.message(text).getByText('Seen by bob').count()

  /** What bob does comes after what he would have read. */
  async function afterReaction(ada: DemoPage, bob: DemoPage, text: string): Promise<void> {
    await bob.use('React with 👍', text)
    await ada.message(text).getByTestId('reaction').waitFor()
  }

  it('when it has been on the screen, not when it has come', async () => {
    const ada = await stage.open('ada')
    const bob = await stage.open('bob')
    for (let i = 0; i < 40; i++) await ada.say(`line ${i} of many`)
    await ada.message('line 39 of many').getByText('Seen by bob').waitFor({ state: 'attached' })
    await bob.page.getByTestId('messages').hover()
    await bob.page.mouse.wheel(0, -5000)
    await bob.page.getByTestId('pill').waitFor()
    await ada.say('below what bob sees')
    await bob.page.getByTestId('pill').getByText('1 new').waitFor()
    await afterReaction(ada, bob, 'line 3 of many')
    expect(await seenByBob(ada, 'below what bob sees')).toBe(0)
    await bob.page.getByTestId('pill').click()
    await until(async () => (await seenByBob(ada, 'below what bob sees')) === 1)
  })

  it('by somebody who looks at the page, not by a page that nobody sees', async () => {
    const show = ({ page }: DemoPage, visibility: string): Promise<void> =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'visibilityState', { value, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, visibility)
    const ada = await stage.open('ada')
    const bob = await stage.open('bob')
    await ada.say('while bob looks')
    await until(async () => (await seenByBob(ada, 'while bob looks')) === 1)
    await show(bob, 'hidden')
    await ada.say('while bob is away')
    await bob.message('while bob is away').waitFor()
    await afterReaction(ada, bob, 'while bob looks')
    expect(await seenByBob(ada, 'while bob is away')).toBe(0)
    await show(bob, 'visible')
    await until(async () => (await seenByBob(ada, 'while bob is away')) === 1)
  })
})

it('shows a script in any field as the text that it is', async () => {
  const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>'
  const ada = await stage.open('ada')
  const bob = await stage.open('bob')
  await ada.page.getByTestId('own-note').fill(hostile)
  await bob.page.locator('[data-testid=person][data-user=ada]').getByText(hostile).waitFor()
  await ada.page.getByTestId('file-input').setInputFiles({
    name: `${hostile.replaceAll('/', '')}.txt`,
    mimeType: 'text/plain',
    buffer: Buffer.from('text'),
  })
  await ada.page.getByTestId('tray-item').waitFor()
  await ada.page.getByTestId('tray-item').getByRole('button').click()
  await ada.say(`@bob ${hostile}`)
  await ada.use('Reply', hostile)
  await ada.say(`${hostile} again`)
  await bob.page.getByTestId('quote').getByText(hostile).waitFor()
  await bob.go('feed')
  await bob.page.getByRole('button', { name: 'Follow ada' }).click()
  await bob.page.getByRole('button', { name: 'You follow ada' }).waitFor()
  await ada.go('feed')
  await ada.page.getByTestId('post').fill(hostile)
  await ada.page.getByTestId('post').press('Enter')
  await bob.page.getByTestId('feed-text').getByText(hostile).waitFor()
  await bob.go('inbox')
  await bob.page.getByTestId('notification').getByText(hostile).waitFor()
  for (const { page, faults } of stage.pages) {
    expect(await page.locator('#root :is(script, img[src=x])').count()).toBe(0)
    expect(faults).toEqual([])
  }
})

it('refuses a picture that is none, with the reason, and sends nothing of it', async () => {
  const ada = await stage.open('ada')
  await ada.page.getByTestId('file-input').setInputFiles({
    name: 'tides.png',
    mimeType: 'image/png',
    buffer: Buffer.from('<html><script>alert(1)</script></html>'),
  })
  const item = ada.page.locator('[data-testid=tray-item][data-state=failed]')
  await item.getByText('its bytes are').waitFor()
  expect(await ada.page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true)
  await item.getByRole('button', { name: 'Remove tides.png' }).click()
  await ada.say('Never mind')
  expect(await ada.page.getByTestId('attachment').count()).toBe(0)
})

describe('a page without a connection', () => {
  it('says so with a countdown, and afterwards how much was missed, to the message', async () => {
    const ada = await stage.open('ada', { transport: 'websocket' })
    const bob = await stage.open('bob')
    await bob.say('before')
    await ada.message('before').waitFor()
    await ada.live()
    await ada.wire.cut()
    await ada.reconnecting()
    await ada.page.getByText(/Reconnecting in \d+ s/).waitFor()
    await ada.write('written while it was away')
    await ada.page.getByTestId('waiting').getByText('1 waiting').waitFor()

    const publish = await publisher(stage.server, 'bob')
    let last = ''
    for (let i = 1; i <= 47; i++) {
      last = await publish('chat:general', 'message', { content: `missed ${i}` })
    }
    // None of these is a message that was missed.
    await publish('chat:general', 'reaction', { message_id: last, emoji: '👍' })
    await publish('chat:general', 'message_edit', { message_id: last, content: 'missed 47!' })
    const mistake = await publish('chat:general', 'message', { content: 'a mistake' })
    await publish('chat:general', 'message_delete', { message_id: mistake })

    ada.wire.mend()
    await ada.retry()
    await ada.connected()
    const missed = ada.page.getByTestId('missed')
    await missed.getByText('47 missed messages').waitFor()
    await missed.getByText('47 missed messages').click()
    await ada.page.locator('[data-highlighted]').getByText('missed 1', { exact: true }).waitFor()
    await ada.page.getByTestId('new').waitFor()
    await missed.waitFor({ state: 'detached' })
    await bob.message('written while it was away').waitFor()
    expect(ada.faults).toEqual([])
  })

  it('counts more than the server hands out again', async () => {
    const ada = await stage.open('ada', { transport: 'websocket' })
    await ada.say('before')
    await ada.live()
    await ada.wire.cut()
    await ada.reconnecting()
    const publish = await publisher(stage.server, 'bob')
    for (let i = 0; i < 620; i++) {
      await publish('chat:general', 'message', { content: `missed ${i}` })
    }
    ada.wire.mend()
    await ada.retry()
    await ada.page.getByTestId('missed').getByText('620 missed messages').click()
    await ada.page.locator('[data-highlighted]').getByText('missed 0', { exact: true }).waitFor()
    expect(ada.faults).toEqual([])
  })
})

it('keeps a message that the server refuses, with the reason, until it is sent', async () => {
  const ada = await stage.open('ada', { transport: 'websocket' })
  ada.wire.refusal = { code: 4011, message: 'You may not write here today.' }
  await ada.write('Words')
  const failed = ada.page.locator('[data-testid=message][data-state=failed]')
  await failed.getByText('Not sent. You may not write here today.').waitFor()
  ada.wire.refusal = undefined
  await failed.getByRole('button', { name: 'Try again' }).click()
  await ada.page.locator('[data-testid=message][data-state=sent]').getByText('Words').waitFor()
  expect(await failed.count()).toBe(0)
})

describe.each(['sse', 'poll'] as const)('over %s', (transport) => {
  it('the page says what it has and what it has not, and the inbox works', async () => {
    const ada = await stage.open('ada', { transport })
    const bob = await stage.open('bob')
    await ada.page.getByTestId('carrier').getByText('With WebSocket, also').waitFor()
    await bob.say('@ada, this is for you')
    await ada.message('this is for you').waitFor()
    await ada.showsBadge('inbox', '')
    await ada.go('inbox')
    await bob.page.goto(`${stage.server.url}/?user=bob#/dm:ada,bob`)
    await bob.say('A word in private')
    await ada.showsBadge('inbox', '1')
    await ada.page.getByRole('button', { name: 'Mark all read' }).click()
    await ada.showsBadge('inbox', '')
    await ada.go('chat:general')
    await ada.page.getByRole('button', { name: 'Use WebSocket' }).click()
    await ada.page
      .locator('[data-testid=connection][data-transport=websocket]')
      .waitFor({ state: 'attached' })
    await ada.page.locator('[data-testid=person][data-user=bob]').waitFor()
    expect(await ada.page.getByTestId('carrier').count()).toBe(0)
  })
})

it('is used by the keyboard alone', async () => {
  const ada = await stage.open('ada')
  const { page } = ada
  const focused = (): Promise<string> =>
    page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? '')
  await ada.say('The tide is hihg')
  await page.keyboard.press('ArrowUp')
  await page.getByTestId('task').getByText('Editing your message').waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('task').waitFor({ state: 'detached' })
  await page.keyboard.press('ArrowUp')
  await page.getByTestId('composer').fill('The tide is high')
  await page.keyboard.press('Enter')
  await ada.message('The tide is high').getByText('edited').waitFor()

  // Out of the field, to the find field and back.
  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  expect(await focused()).toBe('find')
  await page.keyboard.press('Escape')

  // From the list of messages to the tools of one, and into its thread.
  await page.getByTestId('messages').focus()
  await page.keyboard.press('ArrowUp')
  await until(async () => (await focused()) === 'message')
  const tool = page.getByRole('button', { name: 'Open the thread' })
  await until(async () => {
    await page.keyboard.press('Tab')
    return tool.evaluate((button) => button === document.activeElement)
  })
  await page.keyboard.press('Enter')
  await page.getByTestId('thread').waitFor()
  await until(async () => (await focused()) === 'thread-composer')
  await page.keyboard.type('Measured twice')
  await page.keyboard.press('Enter')
  await page.getByTestId('thread-message').getByText('Measured twice').waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('thread').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await until(async () => (await focused()) === 'search-field')
  await page.keyboard.press('Escape')
  await page.getByTestId('search').waitFor({ state: 'detached' })
})

it('fits a narrow phone: nothing scrolls sideways, and a thread fills the screen', async () => {
  const publish = await publisher(stage.server, 'Maximiliane-Hohenzollern-von-Sigmaringen')
  const word = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau'.repeat(3)
  const first = await publish('chat:general', 'message', { content: word })
  await publish('chat:general', 'message', { content: `${word} too`, reply_to: first })
  await publish('chat:a-room-of-which-the-name-is-long', 'message', { content: '@ada look' })
  const { page } = await stage.open('ada', { size: { width: 360, height: 640 } })
  const excess = (): Promise<number> =>
    page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  await page.getByTestId('thread-link').waitFor()
  expect(await excess()).toBe(0)
  await page.getByTestId('thread-link').click()
  await page.getByTestId('thread-message').nth(1).waitFor()
  const { width, height } = (await page.getByTestId('thread').boundingBox()) ?? {}
  expect(width).toBeGreaterThan(350)
  expect(height).toBeGreaterThan(600)
  await page.keyboard.press('Escape')
  await page.getByTestId('thread').waitFor({ state: 'detached' })
  await page.goto(`${stage.server.url}/?user=ada#/inbox`)
  await page.getByTestId('notification').waitFor()
  expect(await excess()).toBe(0)
})
