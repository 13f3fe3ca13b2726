import { setTimeout as pause } from 'node:timers/promises'
import { type DeliveredEvent, didYouMean } from '@tidegate/protocol'
import { type Bus, BusUnavailable, partitionOf } from '../../bus/index.ts'
import type { DescribedTopic } from '../../config/changes/describe.ts'
import { placedBy } from '../../config/contract/placed-by.ts'
import { type Filter, FilterError, openFilter } from '../../filter/index.ts'
import { withBus } from '../deployment/running-bus.ts'
import { runningContract } from '../deployment/running-contract.ts'
import { printable, printableJson, printableTime } from '../terminal/printable.ts'
import { parseTime } from '../usage/time-option.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'
import { type Followed, gapText, LogFollower } from './log-follower.ts'

export const usage = `tidegate tail <topic> [--key <key>] [--where <filter>] [--from <time>] [--limit <n>] [--no-follow] [--json] [--data <folder>]

Shows the events of a topic as they are stored: time, partition, key and data. It reads Redis itself, so that it shows what is
stored whoever may see it, also while no gateway runs; what was removed or lost is reported as a gap on standard error.

  --key        only events with this key
  --where      only events that match: data.temperature > 30 && key != "attic" (docs/filters.md)
  --from       beginning, a time with its zone, or how long ago they were stored (10m); absent: only what is stored from now on
  --limit      ends after so many events
  --no-follow  ends where the log ends
  --json       one JSON object a line: an event, or { gap: { partition, reason, after, to } }
  --data       folder of the \`tidegate start\` to look at, when REDIS_URL is not set

Examples:
  tidegate tail sensor.reading
  tidegate tail sensor.reading --key attic --from 10m --no-follow
  tidegate tail commerce.order_placed --where 'data.total > 500' --json | jq .data
`

/** How soon what is stored is shown. */
const POLL_MS = 150
const AWAY_MS = 500
/** Exit code of a shell for a process that SIGINT ended. */
const INTERRUPTED = 130

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    key: { type: 'string' },
    where: { type: 'string' },
    from: { type: 'string' },
    limit: { type: 'string' },
    'no-follow': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  })
  const [topic, ...more] = positionals
  if (topic === undefined || more.length > 0) throw new UsageError('say one topic: tidegate tail <topic>')
  const wanted: Wanted = {
    topic,
    key: flags.key,
    filter: flags.where === undefined ? undefined : parseFilter(flags.where),
    from: parseFrom(flags.from),
    limit: parseLimit(flags.limit),
    follows: !flags['no-follow'],
  }
  return withBus(flags, 'tail', (bus) => tail(bus, wanted, flags.json ? JSON_LINES : TEXT_LINES))
}

interface Wanted {
  readonly topic: string
  readonly key: string | undefined
  readonly filter: Filter | undefined
  readonly from: 'end' | 'beginning' | number
  readonly limit: number
  readonly follows: boolean
}

interface Lines {
  event(event: DeliveredEvent): string
  gap(gap: Parameters<typeof gapText>[0]): void
}

const TEXT_LINES: Lines = {
  event: ({ at, time, key, data }) =>
    `${printableTime(time)} ${at.slice(0, at.indexOf('@')).padStart(3)} ${printable(key)} ${printableJson(data)}`,
  gap: (gap) => note(gapText(gap)),
}

const JSON_LINES: Lines = {
  event: printableJson,
  gap: (gap) => say(printableJson({ gap })),
}

async function tail(bus: Bus, wanted: Wanted, lines: Lines): Promise<number> {
  const topics = await topicsOf(bus, wanted.topic)
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  // Nobody reads any more: `| head`.
  process.stdout.once('error', () => interrupt.abort(NOBODY))
  const followers = await followersOf(bus, topics, wanted)
  let left = wanted.limit
  let isAway = false
  while (!interrupt.signal.aborted) {
    const read = await readNext(followers)
    if (read === undefined) {
      // The place in each log is kept.
      if (!isAway) note('Redis does not answer; waiting for it')
      isAway = true
      await pause(AWAY_MS, undefined, { signal: interrupt.signal }).catch(() => {})
      continue
    }
    isAway = false
    for (const gap of read.flatMap(({ gaps }) => gaps)) lines.gap(gap)
    const events = read
      .flatMap((page) => page.events)
      .filter((event) => wanted.filter?.matches({ source: undefined, ...event }) ?? true)
    // Those of a page come in order; those of several partitions have none, and are shown by their times.
    if (followers.length > 1) events.sort((a, b) => a.time - b.time)
    for (const event of events.slice(0, left)) say(lines.event(event))
    left -= events.length
    if (left <= 0) return 0
    const isAtEnd = read.every((page) => page.isAtEnd)
    if (isAtEnd && !wanted.follows) return 0
    if (isAtEnd) await pause(POLL_MS, undefined, { signal: interrupt.signal }).catch(() => {})
  }
  return interrupt.signal.reason === NOBODY ? 0 : INTERRUPTED
}

/** @returns `undefined` while Redis is away */
async function readNext(followers: readonly LogFollower[]): Promise<Followed[] | undefined> {
  try {
    return await Promise.all(followers.map((follower) => follower.next()))
  } catch (error) {
    if (error instanceof BusUnavailable) return undefined
    throw error
  }
}

const NOBODY = new Error('nobody reads the output')

async function followersOf(bus: Bus, topics: Topics, { topic, key, from }: Wanted): Promise<LogFollower[]> {
  const all = Array.from({ length: bus.partitions }, (_, partition) => partition)
  const partitions = key === undefined ? all : [partitionOf(placedBy(topics, topic, key), bus.partitions)]
  const followers = partitions.map(
    (partition) =>
      new LogFollower(bus, topic, partition, ({ keys }, index) => key === undefined || keys[index] === key),
  )
  await Promise.all(followers.map((follower) => follower.start(from)))
  return followers
}

type Topics = ReadonlyMap<string, DescribedTopic>

/** The topics of the running config; none where none is known. @throws Error where it does not have this one */
async function topicsOf(bus: Bus, topic: string): Promise<Topics> {
  const contract = await runningContract(bus)
  const topics = new Map(contract?.topics.map((each) => [each.name, each]))
  if (contract === undefined || topics.has(topic)) return topics
  throw new Error(
    `the running config has no topic ${printable(topic)}.${didYouMean(topic, [...topics.keys()])} See: tidegate topics`,
  )
}

function parseFrom(text: string | undefined): Wanted['from'] {
  if (text === undefined) return 'end'
  return text === 'beginning' ? text : parseTime('from', text, Date.now())
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  const limit = Number(text)
  if (!Number.isSafeInteger(limit) || limit < 1) throw new UsageError('--limit: expected a whole number from 1')
  return limit
}

function parseFilter(text: string): Filter {
  try {
    return openFilter(text)
  } catch (cause) {
    if (!(cause instanceof FilterError)) throw cause
    throw new UsageError(`--where: ${printable(cause.message)}`, { cause })
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function note(line: string): void {
  process.stderr.write(`${line}\n`)
}
