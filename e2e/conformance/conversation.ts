import { expect } from 'vitest'
import type { Heard, Peer } from './peer.ts'
import { check, checkError, fits, type Run } from './run.ts'
import type { Match, Step } from './vocabulary.ts'
import { close, text } from './wire.ts'

/** Has the steps, one after the other, and then looks that nothing else came: the connection answers a ping, or ended. */
export async function converse(
  peer: Peer,
  steps: readonly Step[],
  run: Run,
): Promise<'goes on' | 'ended'> {
  let last: Heard | undefined
  const hear = async (): Promise<Heard> => {
    last = await peer.next()
    checkError(last)
    if ('payload' in last && typeof last.payload['epoch'] === 'string') {
      run.knows('epoch', last.payload['epoch'])
    }
    return last
  }
  for (const step of steps) {
    if ('up' in step) await say(peer, step.up, run)
    else if ('down' in step) check(await hear(), run.fillAll(step.down))
    else if ('downs' in step) await hearAll(hear, step.downs, run)
    else await hearWithin(hear, step.eventually, step.within, run)
  }
  await settle(peer, last)
  return last !== undefined && 'closed' in last ? 'ended' : 'goes on'
}

/** Nothing more comes: after a close frame the connection ends, else it is alive. */
export async function settle(peer: Peer, last: Heard | undefined): Promise<void> {
  if (last !== undefined && 'closed' in last) {
    await peer.wire.write(close(last.closed))
    expect(await peer.next()).toEqual({ ended: true })
    return
  }
  await peer.ping('still there')
  expect(await peer.next()).toEqual({ pong: 'still there' })
}

async function say(
  peer: Peer,
  sent: Extract<Step, { up: unknown }>['up'],
  run: Run,
): Promise<void> {
  if (Buffer.isBuffer(sent)) return peer.wire.write(sent)
  await peer.wire.write(text(run.fill(typeof sent === 'string' ? sent : JSON.stringify(sent))))
}

async function hearAll(
  hear: () => Promise<Heard>,
  matches: readonly Match[],
  run: Run,
): Promise<void> {
  const heard: Heard[] = []
  for (const _ of matches) heard.push(await hear())
  const left = [...heard]
  for (const match of run.fillAll(matches)) {
    const at = left.findIndex((candidate) => fits(candidate, match))
    if (at < 0) check(left[0] ?? heard, match)
    left.splice(at, 1)
  }
}

async function hearWithin(
  hear: () => Promise<Heard>,
  match: Match,
  within: number,
  run: Run,
): Promise<void> {
  for (let i = 1; i < within; i++) if (fits(await hear(), run.fillAll(match))) return
  check(await hear(), run.fillAll(match))
}
