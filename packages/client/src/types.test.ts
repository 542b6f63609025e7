import { describe, expectTypeOf, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  type Channel,
  type JsonObject,
  type Publication,
  Tidewire,
  type WebSocketConstructor,
} from './index.ts'

interface Chat {
  content: string
}
interface Events {
  'chat:*': { message: Chat; typing: { on: boolean } }
  'news:today': { headline: { text: string } }
}

const options = { url: 'http://localhost', connect: false }

describe('the types', () => {
  it('follow the event map', () => {
    const client = new Tidewire<Events>(options)
    const room: string = '42'
    const chat = client.channel(`chat:${room}`)
    chat.on('message', ({ payload, metadata }) => {
      expectTypeOf(payload).toEqualTypeOf<Chat>()
      expectTypeOf(metadata.offset).toEqualTypeOf<number | undefined>()
    })
    chat.on('*', (publication) => {
      if (publication.type === 'typing') expectTypeOf(publication.payload.on).toBeBoolean()
    })
    // @ts-expect-error A payload of the wrong shape.
    const wrong = (): unknown => chat.publish('message', { content: 1 })
    // @ts-expect-error An event that the channel does not have.
    const unknown = (): unknown => chat.on('headline', () => undefined)
    expectTypeOf([wrong, unknown]).toEqualTypeOf<(() => unknown)[]>()
    expectTypeOf(client.channel('news:today').on).parameter(0).toExtend<'*' | 'headline'>()
  })

  it('leave channels without an event map open', () => {
    const channel = new Tidewire(options).channel('chat:a')
    expectTypeOf(channel).toEqualTypeOf<Channel>()
    channel.on('anything', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<JsonObject>())
    channel.on('*', (publication: Publication) => publication.metadata)
    const other = new Tidewire<Events>(options).channel('other:a')
    expectTypeOf(other).toEqualTypeOf<Channel>()
  })

  it('take the WebSocket of a browser and that of ws', () => {
    expectTypeOf(WebSocket).toExtend<WebSocketConstructor>()
    expectTypeOf(globalThis.WebSocket).toExtend<WebSocketConstructor>()
  })
})
