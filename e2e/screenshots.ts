import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { provideChromium } from '../scripts/provide-programs.ts'
import { DemoPage, launch } from './support/demo.ts'
import { publisher } from './support/publish.ts'
import { ServerProcess } from './support/server-process.ts'

// Makes docs/images/demo*.png anew, from a server with an empty log: `npm run screenshots -w e2e`.

const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url))
const DESKTOP = { width: 1280, height: 800 }
const PHONE = { width: 390, height: 844 }

const CHART = `<svg xmlns="http://www.w3.org/2000/svg" width="560" height="360" viewBox="0 0 560 360">
<rect width="560" height="360" fill="#e6f5f3"/>
<g stroke="#cfe6e3" stroke-width="2"><path d="M0 60h560M0 120h560M0 180h560M0 240h560M0 300h560"/></g>
<path d="M0 210C60 120 110 90 160 130S270 290 340 290 460 130 560 60V360H0Z" fill="#b3dcd7"/>
<path d="M0 210C60 120 110 90 160 130S270 290 340 290 460 130 560 60" fill="none" stroke="#0f766e" stroke-width="5"/>
</svg>`

async function seed(server: ServerProcess): Promise<void> {
  const [ada, bob, cleo, grace, linus] = await Promise.all(
    ['ada', 'bob', 'cleo', 'grace', 'linus'].map((user) => publisher(server, user)),
  )
  if (!ada || !bob || !cleo || !grace || !linus) return
  const room = 'chat:general'
  await grace(room, 'message', {
    content: 'Good morning. The tables for December are in `tables.ts`.',
  })
  await linus(room, 'message', { content: 'Thanks. Is the new harbour in them?' })
  await grace(room, 'message', { content: 'It is: the pilots asked for it. 🌊' })
  await linus(room, 'message', {
    content: '```\nconst tide = await room.join()\nroom.send("hello")\n```',
  })
  const gauge = await cleo(room, 'message', {
    content: 'Who reads the gauge at the old pier this week? It was two centimetres off on Monday.',
  })
  await ada(room, 'reaction', { message_id: gauge, emoji: '👀' })
  await linus(room, 'reaction', { message_id: gauge, emoji: '👀' })
  await grace(room, 'reaction', { message_id: gauge, emoji: '👍' })
  await bob(room, 'message', { content: 'I can, on Thursday at low water', reply_to: gauge })
  await grace(room, 'message', {
    content: 'Take the long staff with you, the short one ends too early',
    reply_to: gauge,
  })
  await cleo(room, 'message', { content: '@ada the harbour master wants the curve by noon' })
  await linus('dm:ada,linus', 'message', { content: 'Coffee at ten?' })
  await cleo('chat:design', 'message', { content: 'Teal for the water, amber for the wind' })
  await linus('chat:design', 'message', { content: 'And the tide line stays as thin as it is' })
}

/** The picture of the tide, as a page would draw it. */
async function drawn(browser: Browser): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: 560, height: 360 } })
  await page.setContent(`<body style="margin:0">${CHART}</body>`)
  const picture = await page.screenshot()
  await page.close()
  return picture
}

/** A desktop and a phone beside each other. */
async function beside(browser: Browser, desktop: Buffer, phone: Buffer): Promise<void> {
  const source = (png: Buffer): string => `data:image/png;base64,${png.toString('base64')}`
  const page = await browser.newPage({ viewport: { width: 1480, height: 880 } })
  await page.setContent(`<style>
    body { position: relative; margin: 0; background: #e9eef2 }
    img { position: absolute; box-shadow: 0 12px 40px rgb(16 24 40 / 22%) }
    .desktop { left: 40px; top: 40px; width: 1240px; border-radius: 10px }
    .phone { right: 40px; bottom: 40px; width: 300px; border-radius: 22px }
  </style><img class="desktop" src="${source(desktop)}"><img class="phone" src="${source(phone)}">`)
  await page.waitForFunction(() => [...document.images].every((image) => image.complete))
  await page.screenshot({ path: `${IMAGES}demo.png` })
  await page.close()
}

async function main(): Promise<void> {
  await mkdir(IMAGES, { recursive: true })
  const browser = await launch(await provideChromium())
  const server = await ServerProcess.start()
  try {
    await seed(server)
    const open = (user: string, more: object = {}): Promise<DemoPage> =>
      DemoPage.open({ browser, server, user, size: DESKTOP, ...more })
    const bob = await open('bob')
    const others = await Promise.all([open('cleo'), open('grace')])
    const [, grace] = others
    await grace?.page.getByTestId('own-note').fill('At the harbour until noon')
    await bob.page.getByTestId('file-input').setInputFiles([
      { name: 'curve.png', mimeType: 'image/png', buffer: await drawn(browser) },
      { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.alloc(5988, 'tide\n') },
    ])
    await bob.page.locator('[data-testid=tray-item][data-state=done]').nth(1).waitFor()
    await bob.say('The curve, and my notes')
    await others[0]?.page.getByText('The curve, and my notes').first().waitFor()

    const settled = async (page: DemoPage): Promise<void> => {
      await page.message('The curve, and my notes').locator('img').waitFor()
      await page.page.waitForFunction(() =>
        [...document.images].every((image) => image.complete && image.naturalWidth > 0),
      )
      await page.page.mouse.move(0, 0)
      // What arrives moves for less than this.
      await page.page.waitForTimeout(400)
    }
    const shoot = async ({ page }: DemoPage, name: string): Promise<void> => {
      await page.screenshot({ path: `${IMAGES}demo-${name}.png` })
    }

    const ada = await open('ada')
    await settled(ada)
    await others[0]?.page.getByTestId('composer').pressSequentially('That is')
    await ada.page.getByText('cleo is typing').waitFor()
    const desktop = await ada.page.screenshot()
    const phone = await open('ada', { size: PHONE })
    await settled(phone)
    await beside(browser, desktop, await phone.page.screenshot())
    await phone.page.getByTestId('thread-link').click()
    await phone.page.getByTestId('thread-message').nth(2).waitFor()
    await phone.page.mouse.move(0, 0)
    await phone.page.waitForTimeout(400)
    await shoot(phone, 'phone')

    const dark = await open('ada', { colorScheme: 'dark' })
    await settled(dark)
    await dark.page.getByTestId('thread-link').click()
    await dark.page.getByTestId('thread-message').nth(2).waitFor()
    await settled(dark)
    await shoot(dark, 'thread')
    await dark.page.keyboard.press('Escape')

    await ada.page.keyboard.press('Control+k')
    await ada.page.getByTestId('search-field').fill('tide')
    await ada.page.getByText('Everywhere', { exact: true }).click()
    await ada.page.getByTestId('found').nth(1).waitFor()
    await ada.page.mouse.move(0, 0)
    await shoot(ada, 'search')
    await ada.page.keyboard.press('Escape')

    await ada.go('inbox')
    await ada.page.getByRole('button', { name: 'Inbox settings' }).click()
    await ada.page.getByRole('switch', { name: 'Keep quiet for some hours' }).click()
    await ada.page.getByTestId('quiet-from').waitFor()
    await ada.page.mouse.move(0, 0)
    await ada.page.waitForTimeout(400)
    await shoot(ada, 'inbox')
  } finally {
    await browser.close()
    await server.remove()
  }
}

await main()
