import type { Envelope } from '@tidewire/protocol'

/**
 * The JSON of envelopes, made once each however many readers over HTTP get them. An envelope is not changed once it
 * was handed out, and its text is forgotten with it.
 */
export class JsonTexts {
  readonly #texts = new WeakMap<Envelope, string>()

  of(envelope: Envelope): string {
    let text = this.#texts.get(envelope)
    if (text === undefined) this.#texts.set(envelope, (text = JSON.stringify(envelope)))
    return text
  }
}
