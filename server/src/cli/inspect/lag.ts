import { BusUnavailable, type ReachableBus } from '../../bus/index.ts'
import { parseDuration } from '../../config/duration.ts'
import { readLag, type TopicLag, together } from '../deployment/lag.ts'
import { awayLines, withReachableBus } from '../deployment/running-bus.ts'
import { runningContract } from '../deployment/running-contract.ts'
import { entriesText } from '../deployment/status-screen.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { type Shown, screenWidth, watched } from '../terminal/screen.ts'
import { table } from '../terminal/table.ts'
import { ageText } from '../terminal/units.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'

export const usage = `tidegate lag [<topic>] [--all] [--max <duration>] [--watch] [--json] [--data <folder>]

Shows what is stored and not computed yet: for each partition and topic that flows, windows or entities read, the record batches
behind the last commit of its owner, and the age of the oldest. A record batch holds the events of about one append. While a
master of a cluster does not answer it is named, the rest is shown, and it ends with 1.

  --all    also the logs that are read to their ends
  --max    ends with 1 if something is further behind (30s)
  --watch  shows it anew every 2 s, until Ctrl-C
  --json   one JSON object a line
  --data   folder of the \`tidegate start\` to look at, when REDIS_URL is not set

Examples:
  tidegate lag
  tidegate lag sensor.reading --all
  tidegate lag --max 30s || echo 'the workers cannot keep up'
`

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    all: { type: 'boolean', default: false },
    max: { type: 'string' },
    watch: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  })
  const [topic, ...more] = positionals
  if (more.length > 0) throw new UsageError('say one topic, or none for all')
  const maxMs = flags.max === undefined ? Number.POSITIVE_INFINITY : parseMax(flags.max)
  // Anew for each look: masters go away and come back.
  return watched(() => withReachableBus(flags, 'lag', (reached) => look(reached, topic, maxMs, flags)), flags)
}

function parseMax(text: string): number {
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new UsageError(`--max: ${(cause as Error).message}`, { cause })
  }
}

async function look(
  { bus, away, readable }: ReachableBus,
  topic: string | undefined,
  maxMs: number,
  flags: { readonly all: boolean; readonly json: boolean },
): Promise<Shown> {
  // A node that is away may be the one that knows it.
  const contract = await runningContract(bus).catch((error) => {
    if (away.length > 0 && error instanceof BusUnavailable) return undefined
    throw error
  })
  const read = await readLag(bus, contract, readable)
  const asked = topic === undefined ? read : read.filter((one) => one.topic === topic)
  if (topic !== undefined && asked.length === 0) {
    throw new Error(`nothing is computed from ${printable(topic)}, so that nothing can be behind. See: tidegate topics`)
  }
  const shown = asked
    .filter(({ entries }) => flags.all || entries > 0)
    .sort((a, b) => b.ageMs - a.ageMs || a.partition - b.partition || a.topic.localeCompare(b.topic))
  const code = away.length > 0 || asked.some(({ ageMs }) => ageMs > maxMs) ? 1 : 0
  const missing = awayLines(away)
  if (flags.json) for (const line of missing) process.stderr.write(`${line}\n`)
  return { lines: flags.json ? shown.map(printableJson) : [...lines(asked, shown), ...missing], code }
}

function lines(asked: readonly TopicLag[], shown: readonly TopicLag[]): string[] {
  const all = together(asked)
  const last =
    all.entries === 0
      ? `Nothing is behind in ${asked.length} logs.`
      : `${entriesText(all)} record ${all.entries === 1 ? 'batch' : 'batches'} behind, the oldest for ${ageText(all.ageMs)}.`
  if (shown.length === 0) return [last]
  const rows = shown.map((lag) => [`${lag.partition}`, lag.topic, entriesText(lag), ageText(lag.ageMs)])
  const columns = [
    { title: 'PARTITION', align: 'right' },
    { title: 'TOPIC', isFlexible: true },
    { title: 'BEHIND', align: 'right' },
    { title: 'FOR', align: 'right' },
  ] as const
  return [...table(columns, rows, screenWidth()), '', last]
}
