import { setTimeout as pause } from 'node:timers/promises'
import {
  BackfillRefused,
  type BackfillStatus,
  Backfills,
  backfillTarget,
  type StartedBackfill,
} from '../../backfill/index.ts'
import { type Bus, openBus } from '../../bus/index.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { runningRedisUrl } from '../deployment/running-redis.ts'
import { ProgressLine } from '../terminal/progress-line.ts'
import { parseTime } from '../usage/time-option.ts'
import { parseOptions, UsageError } from '../usage/usage-error.ts'

const CONNECT_DEADLINE_MS = 5_000
const LOOK_EVERY_MS = 250
/** Exit code of a shell for a process that SIGINT ended. */
const INTERRUPTED = 130

/** `tidegate window backfill <name>`: resolves to the exit code. @throws UsageError, BackfillRefused */
export async function backfill(args: string[]): Promise<number> {
  const [name, ...options] = args
  if (name === undefined || name.startsWith('-'))
    throw new UsageError('say the window: tidegate window backfill <name>')
  const flags = parseOptions(options, {
    from: { type: 'string' },
    to: { type: 'string' },
    end: { type: 'boolean', default: false },
    config: { type: 'string' },
    data: { type: 'string' },
    detach: { type: 'boolean', default: false },
  })
  const now = Date.now()
  const from = flags.from === undefined ? undefined : parseFrom(flags.from, now)
  const to = flags.to === undefined ? undefined : parseTime('to', flags.to, now)
  if (from === undefined && to !== undefined) throw new UsageError('--to goes with --from')
  if (from === undefined && flags.end) throw new UsageError('--end goes with --from')
  if (typeof from === 'number' && to !== undefined && from >= to) throw new UsageError('--from must lie before --to')
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const target = backfillTarget(contract, name)
  const url = await runningRedisUrl(readSettings(flags))
  const bus = await openBus({ url, name: 'backfill', channels: ['query'], waitMs: CONNECT_DEADLINE_MS })
  let backfills: Backfills | undefined
  try {
    await refuseWithoutWorkers(bus, contract.hash)
    backfills = new Backfills(bus, contract, target)
    const request =
      from === undefined ? undefined : { from, ...(to !== undefined && { to }), ...(flags.end && { end: true }) }
    const started = await backfills.start(request)
    if (started.nothing !== undefined) {
      say(`${started.nothing}.`)
      return 0
    }
    say(describe(name, started))
    if (!flags.detach) return await follow(name, backfills, started, bus)
    say(goOn(name))
    return 0
  } finally {
    await backfills?.close()
    bus.close()
  }
}

function parseFrom(text: string, now: number): number | 'earliest' {
  return text === 'earliest' ? text : parseTime('from', text, now)
}

/** A worker with the same config has to do the work. @throws BackfillRefused */
async function refuseWithoutWorkers(bus: Bus, contract: string): Promise<void> {
  const [running, workers] = await Promise.all([bus.contract(), bus.workers()])
  if (running?.isRunning !== true || workers.size === 0) {
    throw new BackfillRefused('no worker is running, and workers do the work. Start one: tidegate worker')
  }
  if (running.hash !== contract) {
    throw new BackfillRefused(
      `what runs has another config (contract ${running.hash}, this one is ${contract}). Name the same file with --config, ` +
        'or restart the gateways and workers with this one.',
    )
  }
}

async function follow(name: string, backfills: Backfills, { partitions }: StartedBackfill, bus: Bus): Promise<number> {
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  const startedAt = performance.now()
  const before = await backfills.status(partitions)
  const line = new ProgressLine(process.stdout)
  for (let status = before; ; status = await backfills.status(partitions)) {
    const tookMs = performance.now() - startedAt
    const hasWorkers = (await bus.workers()).size > 0
    const note = hasWorkers ? undefined : 'no worker is running: start one to continue'
    line.show(progressText(status, ((status.events - before.events) / Math.max(LOOK_EVERY_MS, tookMs)) * 1_000, note))
    if (status.done === status.partitions) {
      line.end()
      return finish(status, tookMs)
    }
    await pause(LOOK_EVERY_MS, undefined, { signal: interrupt.signal }).catch(() => {})
    if (!interrupt.signal.aborted) continue
    line.end()
    say(goOn(name))
    return INTERRUPTED
  }
}

function finish({ failures, events, panes }: BackfillStatus, tookMs: number): number {
  if (failures.length === 0) {
    say(`done in ${(tookMs / 1_000).toFixed(1)} s: ${number(panes)} panes of ${number(events)} events`)
    return 0
  }
  process.stderr.write(`tidegate window backfill: it did not come to its end: ${failures.join('; ')}\n`)
  return 1
}

function describe(name: string, { request: { from, to }, isJoined, partitions }: StartedBackfill): string {
  const since = from === 'earliest' ? 'as far back as its logs go' : `from ${new Date(from).toISOString()}`
  const until = to === undefined ? 'where the live window begins' : `${new Date(to).toISOString()}`
  const joined = isJoined ? ' This backfill was under way already.' : ''
  return `${name}: filling windows ${since} up to ${until}, in ${partitions.length} partitions.${joined}`
}

/** @param perSecond events since this command began to watch. */
export function progressText(status: BackfillStatus, perSecond: number, note: string | undefined): string {
  const { fraction, events, panes, done, partitions, openForMs } = status
  const isWaiting = fraction === 1 && done < partitions
  const parts = [
    `${Math.floor(fraction * 100)} %`,
    isWaiting ? `${number(events)} events` : `${number(events)} events (${number(Math.round(perSecond))}/s)`,
    `${number(panes)} panes`,
    `${done} of ${partitions} partitions done`,
    ...(isWaiting ? [`its last windows wait for late events, ${seconds(openForMs)} s at most`] : []),
  ]
  return [...parts, ...(note === undefined ? [] : [note])].join(', ')
}

const goOn = (name: string) => `The workers continue it. To see its progress: tidegate window backfill ${name}`

const seconds = (ms: number) => number(Math.ceil(ms / 1_000))
const number = (count: number) => count.toLocaleString('en-US')

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
