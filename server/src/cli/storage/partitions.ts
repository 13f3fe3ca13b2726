import { abortGrowth, type GrowthOptions, type GrowthReport, growPartitions, previewGrowth } from '../../bus/index.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { placements } from '../../fold/index.ts'
import { PrivateRedis } from '../../supervisor/private-redis.ts'
import { findRedisBinary } from '../../supervisor/redis-binary.ts'
import { startUntilSignal } from '../processes/process-life.ts'
import { printableJson } from '../terminal/printable.ts'
import { ProgressLine } from '../terminal/progress-line.ts'
import { bytesText, countText } from '../terminal/units.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'

export const usage = `tidegate partitions grow <n> [--dry-run | --abort] [--data <folder>] [--json]

Divides the partitions of stored data into more, so that more workers can share the load. Everything has to be stopped, but
for Redis. Nothing is lost or doubled: the events of a key stay in their order, windows and entities continue where they were,
frames that are sent again are recognised, and subscribers resume with the positions that they have.

<n> is a multiple of the present number. Copies are made beside the data and take their places when all are complete.
If it ends early, run it again: it begins anew, or continues where the copies were complete. Afterwards start workers, then
gateways, with TIDEGATE_PARTITIONS=<n>. There is no way back but a backup from before.

  --dry-run  only say how much is stored, and how much memory it takes meanwhile
  --abort    undo a growth that ended before its copies were complete
  --data     folder of a \`tidegate start\` that does not run (default: .tidegate, unless REDIS_URL is set)
  --json     one JSON object: { from, to, entries, stored, needed, free?, node?, ms }; bytes, and entries of logs. In a cluster
             needed and free are of the node with the least to spare

Examples:
  tidegate backup before.rdb
  tidegate partitions grow 32 --dry-run
  tidegate partitions grow 32
  REDIS_URL=redis://127.0.0.1:6379 tidegate partitions grow 32 --json
`

const CONNECT_DEADLINE_MS = 5_000
/** Time for a Redis to write what it holds, however large that is. */
const STOP_MS = 60_000
/** Soon done, nobody needs to see how far it is. */
const QUIET_MS = 500
const MAX_PARTITIONS = 1_024
/** Exit code of a shell for a process that SIGINT ended. */
const INTERRUPTED = 130

const PHASES = { copying: 'copy', clearing: 'remove what was copied', placing: 'put the copies in place' } as const

interface Wanted {
  readonly to: number
  readonly isPreview: boolean
  readonly isAbort: boolean
}

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch, BusFull, Error */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    'dry-run': { type: 'boolean', default: false },
    abort: { type: 'boolean', default: false },
    data: { type: 'string' },
    json: { type: 'boolean', default: false },
  })
  const [action, count, ...others] = positionals
  if (action !== 'grow' || count === undefined || others.length > 0) {
    throw new UsageError('say the new number: tidegate partitions grow <n>')
  }
  const to = Number(count)
  if (!/^\d+$/.test(count) || to < 1 || to > MAX_PARTITIONS) {
    throw new UsageError(`the number of partitions is a whole number from 1 to ${MAX_PARTITIONS}`)
  }
  if (flags['dry-run'] && flags.abort) throw new UsageError('--dry-run and --abort exclude each other')
  const wanted = { to, isPreview: flags['dry-run'], isAbort: flags.abort }
  const startedAt = performance.now()
  const text = await startUntilSignal(
    (stopped) =>
      withStoppedRedis(flags.data, stopped, async (url) => {
        const done = await grow(wanted, { url, waitMs: CONNECT_DEADLINE_MS, stopped })
        const ms = Math.round(performance.now() - startedAt)
        return flags.json ? `${printableJson({ ...done, ms })}\n` : reportOf(wanted, done, ms)
      }),
    { onStopping: () => {} },
  )
  if (text === undefined) return INTERRUPTED
  process.stdout.write(text)
  return 0
}

type Done = GrowthReport | { readonly to: number; readonly continued: true } | { readonly aborted: boolean }

async function grow({ to, isPreview, isAbort }: Wanted, options: GrowthOptions): Promise<Done> {
  if (isAbort) return { aborted: await abortGrowth(options) }
  const line = new ProgressLine(process.stderr, QUIET_MS)
  const growth = {
    ...{ ...options, to, plan: placements },
    onProgress: (phase: keyof typeof PHASES, done: number, entries: number | undefined) =>
      line.show(
        `${PHASES[phase]}: ${countText(done)}${entries === undefined ? ' keys' : ` of ${countText(entries)} entries`}`,
      ),
  }
  try {
    if (isPreview) return await previewGrowth(growth)
    return (await growPartitions(growth)) ?? { to, continued: true }
  } finally {
    line.end()
  }
}

/** The Redis at REDIS_URL, or that of a data folder, which is started for as long as it takes. */
async function withStoppedRedis<T>(
  data: string | undefined,
  stopped: AbortSignal,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const settings = readSettings({ data })
  if (data === undefined && settings.redisUrl !== undefined) return use(settings.redisUrl)
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const binary = await findRedisBinary(settings, say, stopped)
  const redis = await PrivateRedis.open({ binary, dataFolder: settings.dataFolder, say }, stopped)
  try {
    return await use(redis.url)
  } finally {
    await redis.close({ deadlineMs: STOP_MS })
  }
}

function reportOf({ to, isPreview }: Wanted, done: Done, ms: number): string {
  const seconds = `${(ms / 1_000).toFixed(1)} s`
  if ('aborted' in done) return done.aborted ? 'the data are as they were\n' : 'nothing is to be undone\n'
  const next = `Start workers, then gateways, with TIDEGATE_PARTITIONS=${to}.\n`
  if ('continued' in done) return `the data have ${to} partitions; the rest of it took ${seconds}\n${next}`
  const { from, entries, stored, needed, free, node } = done
  const amount = `${countText(entries)} entries, ${bytesText(stored)}`
  if (!isPreview) return `${from} partitions are ${to} now: ${amount}, in ${seconds}\n${next}`
  const room = free === undefined ? 'Redis has no maxmemory' : `${bytesText(free)} are free up to maxmemory`
  const where = node === undefined ? '' : ` at ${node}, which has the least to spare`
  return `${from} partitions would be ${to}: ${amount}. The copies take about ${bytesText(needed)} meanwhile${where}; ${room}.\n`
}
