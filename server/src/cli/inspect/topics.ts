import { didYouMean } from '@tidegate/protocol'
import { BusUnavailable, type ReachableBus } from '../../bus/index.ts'
import { awayLines, withReachableBus } from '../deployment/running-bus.ts'
import { runningContract } from '../deployment/running-contract.ts'
import { readTopics, type StoredLog, type StoredTopic } from '../deployment/topics.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { screenWidth } from '../terminal/screen.ts'
import { type Column, table } from '../terminal/table.ts'
import { ageText, bytesText, countText } from '../terminal/units.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'

export const usage = `tidegate topics [<topic>] [--json] [--data <folder>]

Shows the topics of the running config with what is stored of each: partitions that have some of it, record batches (each holds
the events of about one append), memory in Redis, the age of the oldest and the newest, and the retention. Of one topic it shows
each partition. While a master of a cluster does not answer it is named, the rest is shown, and it ends with 1.

  --json  one JSON object a line, with the partitions
  --data  folder of the \`tidegate start\` to look at, when REDIS_URL is not set

Examples:
  tidegate topics
  tidegate topics sensor.reading
  tidegate topics --json | jq 'select(.bytes > 100000000) | .topic'
`

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  })
  const [topic, ...more] = positionals
  if (more.length > 0) throw new UsageError('say one topic, or none for all')
  const { topics, now, missing } = await withReachableBus(flags, 'topics', async (reached) => {
    const { bus, away, readable } = reached
    const [any] = readable
    return { topics: await read(reached, topic), now: await bus.now(any), missing: awayLines(away) }
  })
  const lines = flags.json ? topics.map(printableJson) : topic === undefined ? all(topics, now) : one(topics[0]!, now)
  for (const line of lines) process.stdout.write(`${line}\n`)
  for (const line of missing) process.stderr.write(`${line}\n`)
  return missing.length > 0 ? 1 : 0
}

async function read({ bus, away, readable }: ReachableBus, topic: string | undefined): Promise<StoredTopic[]> {
  const contract = await runningContract(bus).catch((error) => {
    const [node] = awayLines(away)
    throw node !== undefined && error instanceof BusUnavailable
      ? new Error(`it is not known which topics there are. ${node}`)
      : error
  })
  if (contract === undefined) throw new Error('no gateway or worker that says its topics has run on this Redis')
  const asked = contract.topics.filter(({ name }) => topic === undefined || name === topic)
  if (topic !== undefined && asked.length === 0) {
    const names = contract.topics.map(({ name }) => name)
    throw new Error(`the running config has no topic ${printable(topic)}.${didYouMean(topic, names)}`)
  }
  return readTopics(bus, asked, readable)
}

const STORED: readonly Column[] = [
  { title: 'BATCHES', align: 'right' },
  { title: 'MEMORY', align: 'right' },
  { title: 'OLDEST', align: 'right' },
  { title: 'NEWEST', align: 'right' },
]

function all(topics: readonly StoredTopic[], now: number): string[] {
  const columns: readonly Column[] = [
    { title: 'TOPIC', isFlexible: true },
    { title: 'KIND' },
    { title: 'IN', align: 'right' },
    ...STORED,
    { title: 'KEPT', align: 'right' },
  ]
  const rows = topics.map((topic) => [
    topic.topic,
    topic.kind,
    `${topic.partitions.filter(({ entries }) => entries > 0).length}/${topic.partitions.length}`,
    ...storedCells(topic, now),
    ageText(topic.retentionMs),
  ])
  return table(columns, rows, screenWidth())
}

function one(topic: StoredTopic, now: number): string[] {
  const from = topic.from.length === 0 ? '' : ` of ${topic.from.join(', ')}`
  const rows = topic.partitions.map((log) => [`${log.partition}`, ...storedCells(log, now)])
  return [
    `${topic.topic}: ${topic.kind}${printable(from)}, kept for ${ageText(topic.retentionMs)}`,
    '',
    ...table(
      [{ title: 'PARTITION', align: 'right' }, ...STORED],
      [...rows, ['all', ...storedCells(topic, now)]],
      screenWidth(),
    ),
  ]
}

function storedCells({ entries, bytes, oldest, newest }: StoredLog, now: number): string[] {
  const age = (time: number | null) => (time === null ? '-' : ageText(Math.max(0, now - time)))
  return [countText(entries), bytesText(bytes), age(oldest), age(newest)]
}
