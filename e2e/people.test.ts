import { describe, expect, it } from 'vitest'
import type { DemoPage } from './support/demo.ts'
import { publisher } from './support/publish.ts'
import { Stage } from './support/stage.ts'
import { until } from './support/until.ts'

const stage = Stage.forTests()

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
    const ada = await stage.open('ada')
    const bob = await stage.open('bob')
    const cleo = await stage.open('cleo')

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
    await cleo.showsBadge('chat:general', '2')
    await cleo.showsBadge('inbox', '1')

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

    await stage.server.kill()
    for (const page of stage.pages) await page.reconnecting()
    await ada.write('Written while it was down')
    await bob.page.getByTestId('own-note').fill('Measuring again')
    await stage.server.start()
    for (const page of stage.pages) await page.connected()

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
    await cleo.showsBadge('chat:general', '3')
    await cleo.showsBadge('inbox', '1')
    const dora = await stage.open('dora')
    await same(after, bob, dora)
    await dora.message('Two files').locator('img').waitFor()

    // The mention leads to where it was made; having seen it there is having read it.
    await cleo.go('inbox')
    const mention = cleo.page.getByTestId('notification')
    await mention.getByText('ada mentioned you in #general').waitFor()
    await mention.getByRole('link').click()
    await cleo.page.getByTestId('new').waitFor()
    await same(after, cleo)
    await cleo.showsBadge('chat:general', '')
    await cleo.showsBadge('inbox', '')
    await ada
      .message('Written while it was down')
      .getByText(/Seen by .*cleo/)
      .waitFor({ state: 'attached' })

    // What was said to those who follow is still said.
    await ada.go('feed')
    await ada.page.getByTestId('feed-entry').getByText('High tide at noon').waitFor()
    await ada.page.getByRole('button', { name: 'You follow bob' }).waitFor()
    expect(stage.pages.flatMap(({ faults }) => faults)).toEqual([])
  }, 120_000)

  it('talk in private, and the other one is told without having been there', async () => {
    const ada = await stage.open('ada')
    const bob = await stage.open('bob')
    await ada.page.locator('[data-testid=person][data-user=bob]').hover()
    await ada.page.getByRole('button', { name: 'Talk to bob' }).click()
    await ada.say('A word in private')
    await bob.showsBadge('dm:ada,bob', '1')
    await bob.go('dm:ada,bob')
    await bob.message('A word in private').waitFor()
    await ada.message('A word in private').getByText('Seen by bob').waitFor({ state: 'attached' })
    await bob.showsBadge('dm:ada,bob', '')

    const eve = await stage.open('eve', { place: 'dm:ada,bob' })
    await eve.page.getByText('You may not read this room').waitFor()
    expect(await eve.page.getByText('A word in private').count()).toBe(0)
  })
})

describe('what was said', () => {
  const thread = ({ page }: DemoPage) => page.getByTestId('thread')
  const inThread = (reader: DemoPage) => reader.page.getByTestId('thread-message')

  async function answer({ page }: DemoPage, text: string): Promise<void> {
    await page.getByTestId('thread-composer').fill(text)
    await page.getByTestId('thread-composer').press('Enter')
  }

  it('goes on in a thread, which stands beside the room and in it', async () => {
    const ada = await stage.open('ada')
    const bob = await stage.open('bob')
    await ada.say('Who measures this week?')
    await ada.say('Something else')
    await bob.use('Open the thread', 'Who measures this week?')
    await thread(bob).getByText('Nobody has answered yet').waitFor()
    await answer(bob, 'I can')
    const link = ada.message('Who measures this week?').getByTestId('thread-link')
    await link.getByText('1 reply').waitFor()
    await link.click()
    await inThread(ada).getByText('I can').waitFor()
    await answer(ada, 'Thank you')
    await link.getByText('2 replies').waitFor()
    await inThread(bob).getByText('Thank you').waitFor()
    expect(await inThread(bob).getByTestId('text').allInnerTexts()).toEqual([
      'Who measures this week?',
      'I can',
      'Thank you',
    ])
    // An answer to an answer is of the same thread.
    await ada.page.keyboard.press('Escape')
    await thread(ada).waitFor({ state: 'detached' })
    await ada.use('Reply', 'I can')
    await ada.say('On Thursday?')
    await link.getByText('3 replies').waitFor()
    await inThread(bob).getByText('On Thursday?').waitFor()
    // The room has them all, each with what it answers.
    expect((await seenIn(bob)).map((message) => ({ ...message }))).toMatchObject([
      { text: 'Who measures this week?' },
      { text: 'Something else' },
      { text: 'I can', quote: 'Who measures this week?' },
      { text: 'Thank you', quote: 'Who measures this week?' },
      { text: 'On Thursday?', quote: 'I can' },
    ])
  })

  it('is found by its words, in this room and everywhere, and shown where it stands', async () => {
    const publish = await publisher(stage.server, 'bob')
    const say = (channel: string, content: string): Promise<string> =>
      publish(channel, 'message', { content })
    await say('chat:general', 'The gauge of the old pier is off')
    for (let i = 0; i < 150; i++) await say('chat:general', `line ${i}`)
    await say('chat:design', 'The gauge is drawn in teal')
    const ada = await stage.open('ada')
    const found = ada.page.getByTestId('found')
    await ada.message('line 149').waitFor()

    await ada.page.keyboard.press('Control+k')
    await ada.page.getByTestId('search-field').fill('gauge pi')
    await found.getByText('of the old').waitFor()
    expect(await found.locator('mark').allInnerTexts()).toEqual(['gauge', 'pi'])
    await ada.page.keyboard.press('Enter')
    // It was not loaded: what is between is fetched.
    const shown = ada.page.locator('[data-testid=message][data-highlighted]')
    await shown.getByText('The gauge of the old pier is off').waitFor()
    await until(() => shown.evaluate((row) => row.getBoundingClientRect().top > 0))

    await ada.page.keyboard.press('Control+k')
    await ada.page.getByTestId('search-field').fill('nobody said this')
    await ada.page.getByTestId('search-nothing').waitFor()
    await ada.page.getByTestId('search-field').fill('teal')
    await ada.page.getByRole('button', { name: 'Search everywhere' }).click()
    await found.getByText('#design').waitFor()
    await found.click()
    await shown.getByText('The gauge is drawn in teal').waitFor()
  })
})

it('say what reaches them, and when it is quiet', async () => {
  const ada = await stage.open('ada', { place: 'inbox' })
  const { page } = ada
  const settings = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Inbox settings' }).click()
    await page.getByTestId('settings').getByRole('switch').first().waitFor()
  }
  const quiet = page.getByRole('switch', { name: 'Keep quiet for some hours' })
  const mentions = page.getByRole('switch', { name: 'Mentions' })
  // All of the day but for a minute that is hours away.
  const isDay = Math.abs(new Date().getHours() - 12) < 6
  const [from, to] = isDay ? ['00:00', '23:59'] : ['12:00', '11:59']
  const kept = (): Promise<unknown> =>
    page.waitForResponse(
      (response) => response.request().method() === 'PUT' && response.status() === 200,
    )
  await settings()
  await Promise.all([kept(), quiet.click()])
  await Promise.all([kept(), page.getByTestId('quiet-from').fill(from)])
  await Promise.all([kept(), page.getByTestId('quiet-to').fill(to)])
  await page.getByTestId('quiet-now').getByText(`Quiet until ${to}`).waitFor()
  await page.getByTestId('quiet-to').fill(from)
  await page.getByText('They begin and end at the same time').waitFor()
  await Promise.all([kept(), mentions.click()])

  // They are the server's, not the page's.
  await page.reload()
  await settings()
  expect(await page.getByTestId('quiet-from').inputValue()).toBe(from)
  expect(await page.getByTestId('quiet-to').inputValue()).toBe(to)
  expect(await mentions.isChecked()).toBe(false)

  // A mention stays away; what comes when it is quiet is there all the same.
  const bob = await stage.open('bob')
  await bob.say('@ada look at this')
  await bob.go('feed')
  await bob.page.goto(`${stage.server.url}/?user=bob#/dm:ada,bob`)
  await bob.say('A word in private')
  await page.getByTestId('notification').getByText('bob wrote to you').waitFor()
  expect(await page.getByTestId('notification').count()).toBe(1)
})
