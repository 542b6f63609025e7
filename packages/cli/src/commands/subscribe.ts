import type { Channel, Position, Publication, Tidewire } from '@tidewire/client'
import { type Command, InvalidArgumentError } from 'commander'
import { addConnectFlags, connect, type ConnectOptions, tellConnection } from '../connect.ts'
import { CliError, sentence, UsageError } from '../errors.ts'
import { endWithReader, print, say } from '../output.ts'
import { onStop } from '../signals.ts'

interface SubscribeFlags extends ConnectOptions {
  since?: Position
  last?: number
  count?: number
}

export function addSubscribe(program: Command): void {
  const command = program
    .command('subscribe')
    .description('print the messages of channels, one line of JSON each')
    .argument('<channel...>', 'such as chat:general')
    .option('--since <epoch:offset>', 'go on after this position', parsePosition)
    .option('--last <n>', 'begin with the newest n messages', parseCount)
    .option('-n, --count <n>', 'end after n messages', parseCount)
  addConnectFlags(command).action(subscribe)
}

async function subscribe(channels: string[], flags: SubscribeFlags): Promise<void> {
  const { since, last, count = Infinity } = flags
  if (since !== undefined && last !== undefined) {
    throw new UsageError('--since and --last exclude each other.')
  }
  if (since !== undefined && channels.length > 1) {
    throw new UsageError('--since is the position in one channel: subscribe to one at a time.')
  }
  endWithReader()
  const client = await connect(flags)
  tellConnection(client)
  const ended = new AbortController()
  onStop(() => ended.abort())
  const finished = untilEnd(client, ended.signal)
  let left = count
  for (const name of new Set(channels)) {
    const channel = client.channel(name)
    channel.on('*', (publication) => {
      if (left <= 0) return
      left -= 1
      print(toLine(channel, publication))
      if (left === 0) ended.abort()
    })
    channel.onReset((reset) =>
      print(JSON.stringify({ type: 'reset', payload: { channel: name, ...reset } })),
    )
    channel.onState((state) => {
      if (state.name !== 'unsubscribed' || state.error === undefined) return
      ended.abort(new CliError(`${name}: ${state.error.message}`))
    })
    void begin(channel, { since, last }, ended)
  }
  try {
    await finished
  } finally {
    await client.close()
  }
}

async function begin(
  channel: Channel,
  options: { since: Position | undefined; last: number | undefined },
  ended: AbortController,
): Promise<void> {
  try {
    const { epoch, offset } = await channel.subscribe({ ...options, signal: ended.signal })
    const at = epoch === undefined ? '' : ` from ${epoch}:${offset}`
    say(`Subscribed to ${channel.name}${at}`)
  } catch (error) {
    // The reason that it ended for is the first one: aborting again changes nothing.
    ended.abort(new CliError(`${channel.name}: ${sentence(error)}`))
  }
}

/** Resolves when the command is to end; rejects with why it cannot go on. */
function untilEnd(client: Tidewire, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    client.on('state', ({ to }) => {
      if (to.name === 'failed') reject(to.error)
    })
    signal.addEventListener('abort', () => {
      if (signal.reason instanceof CliError) reject(signal.reason)
      else resolve()
    })
  })
}

/**
 * The envelope, with the epoch beside the offset: together they are what `--since` takes. The fields come in one order,
 * whichever way the message came, so that lines can be compared.
 */
function toLine(channel: Channel, { type, payload, metadata }: Publication): string {
  const { message_id, timestamp, client_id, user, channel: name, offset } = metadata
  const epoch = channel.position?.epoch
  const ordered = { message_id, timestamp, client_id, user, channel: name, offset, epoch }
  return JSON.stringify({ type, payload, metadata: ordered })
}

function parsePosition(text: string): Position {
  const [, epoch, offset] = /^([A-Za-z0-9_.-]{1,64}):(\d{1,15})$/.exec(text) ?? []
  if (epoch === undefined) {
    throw new InvalidArgumentError('Write it as epoch:offset, both from the metadata of a message.')
  }
  return { epoch, offset: Number(offset) }
}

function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (count < 1) throw new InvalidArgumentError('Write a whole number from 1.')
  return count
}
