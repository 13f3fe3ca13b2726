import { type Bus, BusFull, BusUnavailable, openBus } from '../../bus/index.ts'
import type { Contract } from '../../config/contract/model.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { type DeadLetter, DeadLetters, deadLetterNames, formatPlace, windowsBehind } from '../../dead-letters/index.ts'
import { auditCommand } from '../deployment/audit-command.ts'
import { runningRedisUrl } from '../deployment/running-redis.ts'
import { printable, printableJson, printableTime } from '../terminal/printable.ts'
import { parseOptions, UsageError } from '../usage/usage-error.ts'

export const usage = `tidegate dead-letter list [<topic>] [--limit <n>] [--json] [--config <file>] [--data <folder>]
tidegate dead-letter redrive <topic> [--dry-run] [--config <file>] [--data <folder>]

Looks at the events that the code of a flow or an entity threw on, or that ended their workers, and tries them again. They are kept for 24 hours.
Commands that ended their workers are listed as ~commands, without their input; their senders have the answer handler_failed.

  list     topic, partition, place, event id, key, time and cause of each; of one topic, or of all
             --limit  at most this many (100)
             --json   an object a line, with the event
  redrive  runs the flow again that threw, with the config as it is now, and stores its results and those of flows behind it; an
           event that ended its workers is published again. What works is removed from the dead letters, what throws again stays.
           Said twice, it stores nothing twice. Windows and entities behind a flow have moved on and do not see it.
             --dry-run  only says what would be redriven
  both     --config  the config that runs; --data  folder of the \`tidegate start\` to ask, when REDIS_URL is not set

Examples:
  tidegate dead-letter list
  tidegate dead-letter list sensor.hot --json
  REDIS_URL=redis://127.0.0.1:6379 tidegate dead-letter redrive sensor.hot
`

const CONNECT_DEADLINE_MS = 5_000

export async function run([command, ...args]: string[]): Promise<number> {
  if (command !== 'list' && command !== 'redrive') {
    throw new UsageError(command === undefined ? 'say list or redrive' : `there is no dead-letter ${command}`)
  }
  const [topic, options] = args[0]?.startsWith('-') === false ? [args[0], args.slice(1)] : [undefined, args]
  const common = { config: { type: 'string' }, data: { type: 'string' } } as const
  if (command === 'list') {
    const flags = parseOptions(options, {
      ...common,
      limit: { type: 'string', default: '100' },
      json: { type: 'boolean', default: false },
    })
    const limit = Number(flags.limit)
    if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit: expected a whole number from 1')
    const topics = topic === undefined ? undefined : [topic]
    return withLetters(flags, topic, (letters) => list(letters, topics, limit, flags.json))
  }
  if (topic === undefined) throw new UsageError('say the topic: tidegate dead-letter redrive <topic>')
  const flags = parseOptions(options, { ...common, 'dry-run': { type: 'boolean', default: false } })
  if (!flags['dry-run']) auditCommand(readSettings(flags), `dead-letter redrive ${topic}`)
  return withLetters(flags, topic, (letters, contract, count) =>
    flags['dry-run'] ? dryRun(letters, topic) : redrive(letters, topic, contract, count),
  )
}

async function withLetters(
  flags: { readonly config?: string | undefined; readonly data?: string | undefined },
  topic: string | undefined,
  use: (letters: DeadLetters, contract: Contract, count: () => Promise<void>) => Promise<number>,
): Promise<number> {
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const names = deadLetterNames(contract)
  if (topic !== undefined && !names.includes(topic)) {
    throw new Error(`the config has no topic ${topic}. There are: ${names.join(', ')}.`)
  }
  const url = await runningRedisUrl(readSettings(flags))
  const bus = await openBus({ url, name: 'dead-letter', channels: ['query'], waitMs: CONNECT_DEADLINE_MS })
  const stored = new Map<string, number>()
  const onEvents = (topic: string, events: number) => stored.set(topic, (stored.get(topic) ?? 0) + events)
  try {
    const letters = new DeadLetters({ bus, contract, onUnreadable: warnOfUnreadable, onEvents })
    return await use(letters, contract, () => leaveToCount(bus, stored))
  } finally {
    bus.close()
  }
}

/** Rates miss events that a Redis which has just stored them does not count: the command has done what it was told. */
async function leaveToCount(bus: Bus, stored: Map<string, number>): Promise<void> {
  if (stored.size === 0) return
  const events = new Map(stored)
  stored.clear()
  try {
    await bus.leaveToCount(events)
  } catch (error) {
    if (!(error instanceof BusUnavailable || error instanceof BusFull)) throw error
  }
}

async function list(
  deadLetters: DeadLetters,
  topics: readonly string[] | undefined,
  limit: number,
  json: boolean,
): Promise<number> {
  let listed = 0
  for await (const { letters } of deadLetters.batches(topics)) {
    for (const letter of letters) {
      if (listed === limit) {
        if (!json) say(`... and more: --limit ${limit * 10}`)
        return 0
      }
      listed++
      say(json ? printableJson(letter) : describe(letter))
    }
  }
  if (listed === 0 && !json) say('There are no dead letters.')
  return 0
}

async function dryRun(deadLetters: DeadLetters, topic: string): Promise<number> {
  let count = 0
  for await (const { letters } of deadLetters.batches([topic])) {
    for (const letter of letters) say(describe(letter))
    count += letters.length
  }
  say(`${count} would be redriven.`)
  return 0
}

async function redrive(
  deadLetters: DeadLetters,
  topic: string,
  contract: Contract,
  count: () => Promise<void>,
): Promise<number> {
  const stored: Record<string, number> = {}
  let listed = 0
  /** By what they are known by: those of a batch that was redriven in part are met again behind it. */
  const staying = new Set<string>()
  for await (const batch of deadLetters.batches([topic])) {
    const fresh = batch.letters.filter(({ partition, origin }) => !staying.has(`${partition} ${origin}`))
    listed += fresh.length
    const { outcomes } = await deadLetters.redrive(batch, fresh)
    await count()
    for (const { letter, ...outcome } of outcomes) {
      if (outcome.done) {
        for (const [name, events] of Object.entries(outcome.results)) stored[name] = (stored[name] ?? 0) + events
        continue
      }
      staying.add(`${letter.partition} ${letter.origin}`)
      say(`${describe(letter)}\n  stays: ${printable(outcome.why)}`)
    }
  }
  const results = Object.entries(stored).map(([name, events]) => `${events} to ${name}`)
  const redriven = listed - staying.size
  say(`${redriven} of ${listed} redriven${results.length > 0 ? `: ${results.join(', ')}` : ''}.`)
  const windows = windowsBehind(contract, topic)
  if (redriven > 0 && windows.length > 0) say(`These windows do not see them: ${windows.join(', ')}.`)
  return staying.size === 0 ? 0 : 1
}

function describe(letter: DeadLetter): string {
  const { topic, cause, event } = letter
  const { id, key, time } = event
  return `${topic} ${formatPlace(letter)} ${printable(id)} ${printable(key)} ${printableTime(time)} ${printable(cause)}`
}

function warnOfUnreadable({ topic, streamId }: { topic: string; streamId: string }, { message }: Error): void {
  process.stderr.write(
    `Warning: record batch ${streamId} of ${printable(topic)} cannot be read: ${message}. It stays.\n`,
  )
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
