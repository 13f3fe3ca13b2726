import { resolve } from 'node:path'
import { readSettings, type Settings } from '../../config/settings/settings.ts'
import { findRedisBinary } from '../../supervisor/redis-binary.ts'
import { startUntilSignal } from '../processes/process-life.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { countText } from '../terminal/units.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'
import { restoreFolder } from './restore-folder.ts'
import { restoreRedis } from './restore-redis.ts'
import { checkSnapshotFile } from './snapshot-file.ts'
import { TransferLine } from './transfer-line.ts'

export const usage = `tidegate restore <file> [--data <folder>] [--force] [--database <n>] [--json]

Puts back what \`tidegate backup\` wrote: into the data folder of a \`tidegate start\` that does not run, or, where REDIS_URL is
set and --data is not given, into that Redis or cluster, which must hold nothing of Tidegate. A Redis of our own reads the file first: a
damaged one is refused. Every log continues under another epoch, so subscribers get a gap of reason \`epoch\`, and
producers that still have what is missing send it again.

  --data      restore into this folder (default: .tidegate, unless REDIS_URL is set)
  --force     replace the data in the folder; it is kept beside it, under a name that is printed
  --database  number of the database in the backup, where several hold data of Tidegate
  --json      one JSON object: { into, partitions, keys, ms, kept? }

Examples:
  tidegate restore tidegate.rdb
  tidegate restore tidegate.rdb --data /var/lib/tidegate --force
  REDIS_URL=redis://127.0.0.1:6379 tidegate restore tidegate.rdb
  REDIS_URL=redis+cluster://10.0.0.1,10.0.0.2,10.0.0.3 tidegate restore tidegate.rdb
`

/** Exit code of a shell for a process that SIGINT ended. */
const INTERRUPTED = 130

interface Restored {
  readonly into: string
  readonly partitions: number
  readonly keys: number
  readonly kept?: string | undefined
}

interface Wanted {
  readonly file: string
  readonly settings: Settings
  readonly isFolder: boolean
  readonly force: boolean
  readonly database: number | undefined
}

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch, Error */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    data: { type: 'string' },
    force: { type: 'boolean', default: false },
    database: { type: 'string' },
    json: { type: 'boolean', default: false },
  })
  const [name, ...others] = positionals
  if (name === undefined || others.length > 0) throw new UsageError('say one file: tidegate restore <file>')
  if (flags.database !== undefined && !/^\d{1,9}$/.test(flags.database)) {
    throw new UsageError('--database is a whole number')
  }
  const settings = readSettings({ data: flags.data })
  const isFolder = flags.data !== undefined || settings.redisUrl === undefined
  if (flags.force && !isFolder) {
    throw new UsageError('--force is for folders: a Redis that holds data of Tidegate is never overwritten')
  }
  const file = resolve(name)
  const database = flags.database === undefined ? undefined : Number(flags.database)
  const startedAt = performance.now()
  const wanted = { file, settings, isFolder, force: flags.force, database }
  const restored = await startUntilSignal((stopped) => restore(wanted, stopped), { onStopping: () => {} })
  if (restored === undefined) return INTERRUPTED
  const ms = Math.round(performance.now() - startedAt)
  process.stdout.write(flags.json ? `${printableJson({ ...restored, ms })}\n` : report(restored, ms))
  return 0
}

async function restore(wanted: Wanted, stopped: AbortSignal): Promise<Restored> {
  const { file, settings, isFolder, force, database } = wanted
  const { bytes } = await checkSnapshotFile(file)
  const binary = await findRedisBinary(settings, say, stopped)
  const line = new TransferLine()
  try {
    if (!isFolder) {
      const { partitions, keys } = await restoreRedis({
        file,
        url: settings.redisUrl!,
        binary,
        database,
        stopped,
        onProgress: (copied, all) => line.show(`${countText(copied.keys)} of ${countText(all)} keys`, copied.bytes),
      })
      return { into: 'REDIS_URL', partitions, keys }
    }
    const { partitions, keys, kept } = await restoreFolder({
      file,
      dataFolder: settings.dataFolder,
      binary,
      database,
      mayReplace: force,
      stopped,
      onBytes: (written) => line.show('restore', written, bytes),
    })
    return { into: settings.dataFolder, partitions, keys, ...(kept !== undefined && { kept }) }
  } finally {
    line.end()
  }
}

function report({ into, partitions, keys, kept }: Restored, ms: number): string {
  const place = into === 'REDIS_URL' ? 'the Redis at REDIS_URL' : printable(into)
  const lines = [
    `restored into ${place}: ${partitions} partitions, ${countText(keys)} keys, in ${(ms / 1_000).toFixed(1)} s`,
    ...(kept === undefined ? [] : [`the data that was there lies in ${printable(kept)}`]),
  ]
  return `${lines.join('\n')}\n`
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
