import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { DemoPage, launch } from './support/demo.ts'
import { ServerProcess } from './support/server-process.ts'
import { until } from './support/until.ts'

let browser: Browser
let server: ServerProcess
let pages: DemoPage[]

beforeAll(async () => {
  browser = await launch(inject('chromium'))
})
afterAll(() => browser.close())

beforeEach(async () => {
  pages = []
  server = await ServerProcess.start()
})
afterEach(async () => {
  await Promise.all(pages.map((page) => page.close()))
  await server.remove()
})

async function open(user: string, place?: string): Promise<DemoPage> {
  const page = await DemoPage.open({ browser, server, user, ...(place ? { place } : {}) })
  pages.push(page)
  return page
}

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** What a reader of the room sees of it, in the order of the log. */
async function seenIn({ page }: DemoPage): Promise<object[]> {
  return page.getByTestId('message').evaluateAll((messages) =>
    messages.map((message) => ({
      offset: Number(message.getAttribute('data-offset')),
      text: message.querySelector('[data-testid=text]')?.textContent ?? '',
      edited: message.querySelector('.message-edited') !== null,
      deleted: message.hasAttribute('data-deleted'),
      quote: message.querySelector('[data-testid=quote] .ellipsis')?.textContent ?? '',
      reactions: [...message.querySelectorAll('[data-testid=reaction]')].map(
        (reaction) => reaction.textContent,
      ),
      files: message.querySelectorAll('[data-testid=attachment]').length,
    })),
  )
}

async function same(expected: object[], ...readers: DemoPage[]): Promise<void> {
  for (const reader of readers) {
    let last: object[] = []
    await until(
      async () => {
        last = await seenIn(reader)
        return JSON.stringify(last) === JSON.stringify(expected)
      },
      () => `${reader.user} sees ${JSON.stringify(last)} instead of ${JSON.stringify(expected)}`,
    )
  }
}

async function badgeOf(reader: DemoPage, place: string, badge: string): Promise<void> {
  let last = ''
  await until(
    async () => {
      last = await reader.badge(place)
      return last === badge
    },
    () => `${reader.user} has "${last}" at ${place} instead of "${badge}"`,
  )
}

async function talk(ada: DemoPage, bob: DemoPage, cleo: DemoPage): Promise<void> {
  await ada.say('Good morning')
  await bob.say('The tide is high')
  await cleo.message('The tide is high').waitFor()

  await cleo.page.getByTestId('composer').pressSequentially('I th')
  await ada.page.getByText('cleo is typing').waitFor()
  await bob.page.getByText('cleo is typing').waitFor()
  await cleo.say('I think so, too')
  await ada.page
    .getByTestId('typing')
    .and(ada.page.locator(':empty'))
    .waitFor({ state: 'attached' })

  await ada.use('React with 👍', 'The tide is high')
  await cleo.use('React with 👍', 'The tide is high')
  await cleo.use('Reply', 'Good morning')
  await cleo.say('An answer')
  await bob.use('Edit', 'The tide is high')
  await bob.write('The tide is very high')
  await ada.message('The tide is very high').getByText('edited').waitFor()
  await ada.say('This was a mistake')
  await ada.use('Delete', 'This was a mistake')
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await cleo.page.getByText('This message was deleted.').waitFor()
}

async function share(bob: DemoPage, ada: DemoPage): Promise<void> {
  await bob.page.getByTestId('file-input').setInputFiles([
    { name: 'tides.png', mimeType: 'image/png', buffer: PNG },
    { name: 'tides.txt', mimeType: 'text/plain', buffer: Buffer.from('high, low, high') },
  ])
  await bob.page.locator('[data-testid=tray-item][data-state=done]').nth(1).waitFor()
  await bob.say('Two files')
  await ada.message('Two files').locator('img').waitFor()
  await until(() =>
    ada
      .message('Two files')
      .locator('img')
      .evaluate((image) => (image as HTMLImageElement).naturalWidth === 1),
  )
}

const EXPECTED = [
  { text: 'Good morning' },
  { text: 'The tide is very high', edited: true, reactions: ['👍2'] },
  { text: 'I think so, too' },
  { text: 'An answer', quote: 'Good morning' },
  { text: 'This message was deleted.', deleted: true },
  { text: 'Two files', files: 2 },
]

describe('three people', () => {
  it('go through the whole demo, and a kill -9 in the middle costs nothing of it', async () => {
    const ada = await open('ada')
    const bob = await open('bob')
    const cleo = await open('cleo')

    // Who is there, and what they say of themselves.
    const bobHere = ada.page.locator('[data-testid=person][data-user=bob]')
    await bobHere.waitFor()
    await bob.page.getByTestId('own-note').fill('Measuring')
    await bobHere.getByText('Measuring').waitFor()

    await talk(ada, bob, cleo)
    await share(bob, ada)
    const room = (await seenIn(ada)).map((message) => ({ ...message }))
    expect(room).toMatchObject(EXPECTED)
    await same(room, bob, cleo)

    // Everybody who had it on the screen has read it.
    await bob.message('Two files').getByText('Seen by ada and cleo').waitFor({ state: 'attached' })

    // Who is elsewhere is told how much there is, and who means them.
    await cleo.go('chat:design')
    await cleo.page.getByText('Nothing in design yet').waitFor()
    await ada.say('One that cleo did not see')
    await ada.page.getByTestId('composer').pressSequentially('Look, @cl')
    await ada.page.getByTestId('mentions').getByText('cleo').waitFor()
    await ada.page.keyboard.press('Enter')
    await ada.page.keyboard.press('Enter')
    await badgeOf(cleo, 'chat:general', '2')
    await badgeOf(cleo, 'inbox', '1')

    // Follows are of posts that come after them.
    await ada.go('feed')
    await ada.page.getByRole('button', { name: 'Follow bob' }).click()
    await ada.page.getByRole('button', { name: 'You follow bob' }).waitFor()
    await bob.go('feed')
    await bob.page.getByTestId('post').fill('High tide at noon')
    await bob.page.getByTestId('post').press('Enter')
    await ada.page.getByTestId('feed-entry').getByText('High tide at noon').waitFor()
    await ada.go('chat:general')
    await bob.go('chat:general')

    await server.kill()
    for (const page of pages) await page.reconnecting()
    await ada.write('Written while it was down')
    await bob.page.getByTestId('own-note').fill('Measuring again')
    await server.start()
    for (const page of pages) await page.connected()

    // All of it is there: for those who stayed, and for those who come anew.
    await bob.message('Written while it was down').waitFor()
    await bobHere.getByText('Measuring again').waitFor()
    const after = await seenIn(ada)
    expect(after).toMatchObject([
      ...EXPECTED,
      { text: 'One that cleo did not see' },
      { text: 'Look, @cleo' },
      { text: 'Written while it was down' },
    ])
    await badgeOf(cleo, 'chat:general', '3')
    await badgeOf(cleo, 'inbox', '1')
    const dora = await open('dora')
    await same(after, bob, dora)
    await dora.message('Two files').locator('img').waitFor()

    // The mention leads to where it was made; having seen it there is having read it.
    await cleo.go('inbox')
    const mention = cleo.page.getByTestId('notification')
    await mention.getByText('ada mentioned you in #general').waitFor()
    await mention.getByRole('link').click()
    await cleo.page.getByTestId('new').waitFor()
    await same(after, cleo)
    await badgeOf(cleo, 'chat:general', '')
    await badgeOf(cleo, 'inbox', '')
    await ada
      .message('Written while it was down')
      .getByText(/Seen by .*cleo/)
      .waitFor({ state: 'attached' })

    // What was said to those who follow is still said.
    await ada.go('feed')
    await ada.page.getByTestId('feed-entry').getByText('High tide at noon').waitFor()
    await ada.page.getByRole('button', { name: 'You follow bob' }).waitFor()
    expect(pages.flatMap(({ faults }) => faults)).toEqual([])
  }, 120_000)

  it('talk in private, and the other one is told without having been there', async () => {
    const ada = await open('ada')
    const bob = await open('bob')
    await ada.page.locator('[data-testid=person][data-user=bob]').hover()
    await ada.page.getByRole('button', { name: 'Talk to bob' }).click()
    await ada.say('A word in private')
    await badgeOf(bob, 'dm:ada,bob', '1')
    await bob.go('dm:ada,bob')
    await bob.message('A word in private').waitFor()
    await ada.message('A word in private').getByText('Seen by bob').waitFor({ state: 'attached' })
    await badgeOf(bob, 'dm:ada,bob', '')

    const eve = await open('eve', 'dm:ada,bob')
    await eve.page.getByText('You may not read this room').waitFor()
    expect(await eve.page.getByText('A word in private').count()).toBe(0)
  })
})

describe('a message is read', () => {
  const seenByBob = (ada: DemoPage, text: string): Promise<number> =>
    ada.message(text).getByText('Seen by bob').count()

  /** What bob does comes after what he would have read. */
  async function afterReaction(ada: DemoPage, bob: DemoPage, text: string): Promise<void> {
    await bob.use('React with 👍', text)
    await ada.message(text).getByTestId('reaction').waitFor()
  }

  it('when it has been on the screen, not when it has come', async () => {
    const ada = await open('ada')
    const bob = await open('bob')
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
    const ada = await open('ada')
    const bob = await open('bob')
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
  const ada = await open('ada')
  const bob = await open('bob')
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
  for (const { page, faults } of pages) {
    expect(await page.locator('#root :is(script, img[src=x])').count()).toBe(0)
    expect(faults).toEqual([])
  }
})

it('refuses a picture that is none, with the reason, and sends nothing of it', async () => {
  const ada = await open('ada')
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
