import type { JsonObject, Tidewire } from '@tidewire/client'
import type { Command } from 'commander'
import { addConnectFlags, connect, type ConnectOptions, tellConnection } from '../connect.ts'
import { parseDuration } from '../duration.ts'
import { CliError, UsageError } from '../errors.ts'
import { readLines } from '../lines.ts'
import { say } from '../output.ts'
import { Publisher } from '../publisher.ts'

const GIVE_UP_MS = 60_000
const PROGRESS_MS = 250

interface PublishFlags extends ConnectOptions {
  type: string
  json?: boolean
  timeout?: number
}

export function addPublish(program: Command): void {
  const command = program
    .command('publish')
    .description('publish a message, or one for each line of stdin, in order')
    .argument('<channel>', 'such as chat:general')
    .argument('[message]', 'a JSON object, or a text that becomes { "content": text }')
    .option('-t, --type <type>', 'type of the messages', 'message')
    .option('--json', 'lines are JSON objects; without it a line becomes { "content": line }')
    .option(
      '--timeout <duration>',
      'give up after so long without a connection (default: 60s)',
      parseDuration,
    )
  addConnectFlags(command).action(publish)
}

async function publish(
  channel: string,
  text: string | undefined,
  flags: PublishFlags,
): Promise<void> {
  const payload = text === undefined ? undefined : readArgument(text, flags.json === true)
  const client = await connect(flags)
  try {
    const publisher = new Publisher(client.channel(channel), flags.type)
    giveUpWhenOffline(client, flags.timeout ?? GIVE_UP_MS)
    tellConnection(client)
    const hideProgress = showProgress(publisher)
    try {
      if (payload === undefined) await publishLines(publisher, flags.json === true)
      else await publisher.publish(payload, '')
    } finally {
      await publisher.settled()
      hideProgress()
    }
    conclude(publisher, channel)
  } finally {
    await client.close()
  }
}

async function publishLines(publisher: Publisher, json: boolean): Promise<void> {
  if (process.stdin.isTTY) say('One message a line; Ctrl-D ends.')
  let number = 0
  for await (const line of readLines(process.stdin)) {
    number += 1
    if (json && line.trim() === '') continue
    const payload = json ? parseObject(line) : { content: line }
    if (payload === undefined) return publisher.stop(`Line ${number} is not a JSON object.`)
    if (!(await publisher.publish(payload, `Line ${number}: `))) return
  }
}

function conclude(
  { accepted, acknowledged, duplicates, last, seconds, failure }: Publisher,
  channel: string,
): void {
  const at = last?.epoch === undefined ? '' : `, up to ${last.epoch}:${last.offset}`
  const again = duplicates === 0 ? '' : ` (${duplicates} had arrived before)`
  const rate = acknowledged < 2 ? '' : ` in ${seconds.toFixed(1)} s`
  say(`${acknowledged} of ${accepted} published to ${channel}${rate}${at}${again}`)
  if (failure !== undefined) throw new CliError(failure)
}

function readArgument(text: string, json: boolean): JsonObject {
  const payload = parseObject(text)
  if (payload !== undefined) return payload
  if (json) throw new UsageError('With --json the message is a JSON object.')
  return { content: text }
}

function parseObject(text: string): JsonObject | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return JSON.parse(text) as JsonObject
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Whoever runs this in a script wants an end: publications that wait are then refused as `closed`. */
function giveUpWhenOffline(client: Tidewire, ms: number): void {
  let timer: NodeJS.Timeout | undefined
  client.on('state', ({ to }) => {
    if (to.name === 'connected' || to.name === 'disconnected') {
      clearTimeout(timer)
      timer = undefined
    } else {
      timer ??= setTimeout(() => void client.close(), ms)
    }
  })
}

function showProgress(publisher: Publisher): () => void {
  if (!process.stderr.isTTY || process.stdin.isTTY) return () => {}
  const timer = setInterval(() => {
    process.stderr.write(`\r${publisher.acknowledged} published `)
  }, PROGRESS_MS)
  return () => {
    clearInterval(timer)
    process.stderr.write('\r\u001b[K')
  }
}
