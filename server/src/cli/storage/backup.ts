import { access } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { openSnapshots } from '../../bus/index.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { diskFault } from '../../supervisor/disk-fault.ts'
import { runningRedisUrl } from '../deployment/running-redis.ts'
import { startUntilSignal } from '../processes/process-life.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { bytesText } from '../terminal/units.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'
import { withMergedParts } from './merged-parts.ts'
import { writeSnapshotFile } from './snapshot-file.ts'
import { TransferLine } from './transfer-line.ts'

export const usage = `tidegate backup <file> [--force] [--json] [--within <seconds>] [--data <folder>]

Writes everything that a deployment has stored into a file, while all of it runs: all partitions as they are at one moment -
logs, windows, entities, offsets, producers, API keys. Redis forks, serves on, and sends the file as it would to a replica. The
file is there as a whole or not at all, and is readable to you alone. \`tidegate restore\` puts it back. Of a cluster all masters
are asked at the same time; until the file is done, as much again lies beside it.

  --force   replace the file if it exists
  --json    one JSON object: { file, bytes, ms, partitions }
  --within  give up after so many seconds (default: 3600)
  --data    folder of the \`tidegate start\` to back up, when REDIS_URL is not set

Examples:
  tidegate backup tidegate.rdb
  tidegate backup /backups/$(date +%F-%H%M).rdb --json
  REDIS_URL=redis+cluster://10.0.0.1,10.0.0.2,10.0.0.3 tidegate backup tidegate.rdb
  REDIS_URL=redis+sentinel://10.0.0.1,10.0.0.2,10.0.0.3/main tidegate backup tidegate.rdb --force
`

const CONNECT_DEADLINE_MS = 5_000
/** Redis sends something every second, unless it or the network is gone. */
const SILENCE_MS = 30_000
const MAX_SECONDS = 7 * 86_400
/** Exit code of a shell for a process that SIGINT ended. */
const INTERRUPTED = 130

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch, Error */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    force: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    within: { type: 'string', default: '3600' },
    data: { type: 'string' },
  })
  const [name, ...others] = positionals
  if (name === undefined || others.length > 0) throw new UsageError('say one file: tidegate backup <file>')
  const within = Number(flags.within)
  if (!/^\d+$/.test(flags.within) || within < 1 || within > MAX_SECONDS) {
    throw new UsageError(`--within is a whole number of seconds from 1 to ${MAX_SECONDS}`)
  }
  const file = resolve(name)
  if (!flags.force && (await exists(file))) {
    throw new Error(`${printable(file)} exists; choose another name, or replace it with --force`)
  }
  const folder = dirname(file)
  if (!(await exists(folder))) throw new Error(`there is no folder ${printable(folder)}: make it, or name another file`)
  const url = await runningRedisUrl(readSettings({ data: flags.data }))
  const deadline = AbortSignal.timeout(within * 1_000)
  const startedAt = performance.now()
  const written = await startUntilSignal(
    (signal) => write(file, url, AbortSignal.any([signal, deadline]), flags.force),
    { onStopping: () => {} },
  ).catch((error: Error) => {
    if (error === deadline.reason) throw new Error(`the backup was not done within ${within} s (--within)`)
    const fault = diskFault({ path: printable(folder), is: 'folder', instead: 'name another file' }, error.message)
    throw fault === undefined ? error : new Error(`${fault} (${error.message})`, { cause: error })
  })
  if (written === undefined) return INTERRUPTED
  const { bytes, partitions } = written
  const ms = Math.round(performance.now() - startedAt)
  process.stdout.write(
    flags.json
      ? `${printableJson({ file, bytes, ms, partitions })}\n`
      : `${printable(file)}: ${bytesText(bytes)}, ${partitions} partitions, in ${(ms / 1_000).toFixed(1)} s\n`,
  )
  return 0
}

async function write(file: string, url: string, stopped: AbortSignal, mayReplace: boolean) {
  const line = new TransferLine()
  try {
    const options = { url, waitMs: CONNECT_DEADLINE_MS, silenceMs: SILENCE_MS, stopped }
    const { partitions, each, confirm } = await openSnapshots(options)
    const writeFrom = (pieces: AsyncIterable<Uint8Array>, size?: number) =>
      writeSnapshotFile(file, pieces, { mayReplace, onBytes: (bytes) => line.show('backup', bytes, size) })
    const [first, ...others] = each
    if (others.length === 0) return { partitions, ...(await writeFrom(first!.pieces, first!.size)) }
    const onBytes = (bytes: number) => line.show('masters', bytes)
    const written = await withMergedParts(file, each, onBytes, async (merged) => {
      await confirm()
      return writeFrom(merged)
    })
    return { partitions, ...written }
  } finally {
    line.end()
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
