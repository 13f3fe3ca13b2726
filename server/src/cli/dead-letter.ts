import { openBus } from '../bus/index.ts'
import { defaultConfigPath, loadConfig } from '../config/load-config.ts'
import { readSettings } from '../config/settings.ts'
import { type DeadLetter, DeadLetters, deadLetterNames } from '../own/index.ts'
import { auditCommand } from './audit-command.ts'
import { printable, printableJson, printableTime } from './printable.ts'
import { runningRedisUrl } from './running-redis.ts'
import { parseOptions, UsageError } from './usage-error.ts'

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
    return withLetters(flags, topic, (letters, topics) => list(letters, topics, limit, flags.json))
  }
  if (topic === undefined) throw new UsageError('say the topic: tidegate dead-letter redrive <topic>')
  const flags = parseOptions(options, { ...common, 'dry-run': { type: 'boolean', default: false } })
  if (!flags['dry-run']) auditCommand(readSettings(flags), `dead-letter redrive ${topic}`)
  return withLetters(flags, topic, (letters) => redrive(letters, topic, flags['dry-run']))
}

async function withLetters(
  flags: { readonly config?: string | undefined; readonly data?: string | undefined },
  topic: string | undefined,
  use: (letters: DeadLetters, topics: readonly string[] | undefined) => Promise<number>,
): Promise<number> {
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const names = deadLetterNames(contract)
  if (topic !== undefined && !names.includes(topic)) {
    throw new Error(`the config has no topic ${topic}. There are: ${names.join(', ')}.`)
  }
  const url = await runningRedisUrl(readSettings(flags))
  const bus = await openBus({ url, name: 'dead-letter', channels: ['query'], waitMs: CONNECT_DEADLINE_MS })
  try {
    return await use(new DeadLetters(bus, contract, warnOfUnreadable), topic === undefined ? undefined : [topic])
  } finally {
    bus.close()
  }
}

async function list(
  letters: DeadLetters,
  topics: readonly string[] | undefined,
  limit: number,
  json: boolean,
): Promise<number> {
  let listed = 0
  for await (const letter of letters.list(topics)) {
    if (listed === limit) {
      if (!json) say(`... and more: --limit ${limit * 10}`)
      break
    }
    listed++
    say(json ? printableJson(letter) : describe(letter))
  }
  if (listed === 0 && !json) say('There are no dead letters.')
  return 0
}

async function redrive(letters: DeadLetters, topic: string, isDry: boolean): Promise<number> {
  /** Record batches that can be removed whole, by partition. */
  const done = new Map<number, Set<string>>()
  const kept = new Set<string>()
  const stored: Record<string, number> = {}
  let count = 0
  let stay = 0
  for await (const letter of letters.list([topic])) {
    count++
    if (isDry) {
      say(describe(letter))
      continue
    }
    const outcome = await letters.redrive(letter)
    if (outcome.done) {
      for (const [name, events] of Object.entries(outcome.results)) stored[name] = (stored[name] ?? 0) + events
      done.set(letter.partition, (done.get(letter.partition) ?? new Set()).add(letter.streamId))
    } else {
      stay++
      kept.add(`${letter.partition} ${letter.streamId}`)
      say(`${describe(letter)}\n  stays: ${printable(outcome.why)}`)
    }
  }
  for (const [partition, streamIds] of done) {
    const gone = [...streamIds].filter((streamId) => !kept.has(`${partition} ${streamId}`))
    await letters.remove(topic, partition, gone)
  }
  if (isDry) say(`${count} would be redriven.`)
  else {
    const results = Object.entries(stored).map(([name, events]) => `${events} to ${name}`)
    say(`${count - stay} of ${count} redriven${results.length > 0 ? `: ${results.join(', ')}` : ''}.`)
    const windows = letters.windowsBehind(topic)
    if (count > stay && windows.length > 0) say(`These windows do not see them: ${windows.join(', ')}.`)
  }
  return stay === 0 ? 0 : 1
}

function describe({ topic, partition, streamId, index, cause, event: { id, key, time } }: DeadLetter): string {
  const place = `${partition}/${streamId}.${index}`
  return `${topic} ${place} ${printable(id)} ${printable(key)} ${printableTime(time)} ${printable(cause)}`
}

function warnOfUnreadable({ topic, streamId }: { topic: string; streamId: string }, { message }: Error): void {
  process.stderr.write(
    `Warning: record batch ${streamId} of ${printable(topic)} cannot be read: ${message}. It stays.\n`,
  )
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
